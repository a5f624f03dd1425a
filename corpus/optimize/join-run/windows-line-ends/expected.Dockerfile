# escape=`
FROM debian:bookworm-slim
RUN apt-get update && `
    apt-get install -y curl `
    # clean
    && rm -rf /var/lib/apt/lists/*
