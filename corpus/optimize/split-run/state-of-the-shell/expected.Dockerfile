FROM debian:bookworm-slim
COPY . /app
RUN export DEBIAN_FRONTEND=noninteractive && apt-get update && apt-get install -y gcc && make -C /app
