FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y curl && rm -rf /var/lib/apt/lists/*
RUN --mount=type=cache,target=/var/lib/apt apt-get update && apt-get install -y curl
RUN set -f && apt-get update && apt-get install -y curl
RUN apt-get update && exec apt-get install -y curl
RUN apt-get update && apt-get install -y curl # the last
USER app
RUN apt-get update && apt-get install -y make
