FROM debian:bookworm-slim
COPY apt.conf /etc/apt/apt.conf.d/
RUN apt-get update && apt-get install -y gcc
COPY src/lib.so /usr/lib/
RUN apt-get update && apt-get install -y make
