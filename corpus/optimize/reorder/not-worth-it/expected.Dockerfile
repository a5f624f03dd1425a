FROM debian:bookworm-slim
COPY . /app
RUN mkdir -p /data
