FROM debian:bookworm-slim
COPY src /src
RUN make -C /src
USER app
ENV PREFIX=/src
WORKDIR /src
RUN cat /etc/os-release > /tmp/os
