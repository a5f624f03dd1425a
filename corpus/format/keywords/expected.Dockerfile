FROM alpine:3.20 AS build
RUN make
COPY --from=build --chown=1:1 a b
HEALTHCHECK --interval=3s CMD curl  -f  http://localhost
HEALTHCHECK NONE
ENV A=1 B="two   blanks" C=d\ \ e
LABEL x='a   b' y=z
ARG VERSION=1
WORKDIR /a   b
EXPOSE 80 443
USER root
STOPSIGNAL SIGTERM
