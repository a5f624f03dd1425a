FROM debian:bookworm-slim
WORKDIR /work
COPY . /app
RUN apt-get update && apt-get install -y gcc
RUN rm -rf /work && make -C /app
