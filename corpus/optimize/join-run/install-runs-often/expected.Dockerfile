FROM debian:bookworm-slim
RUN apt-get update
COPY . /app
RUN apt-get install -y $(cat /app/packages)
