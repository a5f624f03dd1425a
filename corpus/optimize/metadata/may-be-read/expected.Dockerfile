FROM debian:bookworm-slim
ARG VERSION=1
LABEL version=$VERSION
RUN make install
