FROM debian:bookworm-slim
COPY --chown=1000 . /app/
WORKDIR /app
RUN apt-get update && apt-get install -y gcc
