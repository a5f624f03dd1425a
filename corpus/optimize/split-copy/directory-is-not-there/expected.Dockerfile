FROM debian:bookworm-slim
COPY . /app
RUN apt-get install -y curl
