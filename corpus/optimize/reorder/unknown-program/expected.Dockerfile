FROM debian:bookworm-slim
COPY . /app
RUN ./configure-machine
RUN apt-get update && apt-get install -y gcc
