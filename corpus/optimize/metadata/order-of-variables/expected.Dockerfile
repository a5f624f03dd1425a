# ENV may not pass ENV, and ARG not what sets a variable that its default is made of.
FROM debian:bookworm-slim
ARG VERSION=1
ENV APP_VERSION=$VERSION
ENV LANG=C.UTF-8
RUN mkdir /one
ARG NAME=$LANG
ENV LANG=C
RUN mkdir /two
