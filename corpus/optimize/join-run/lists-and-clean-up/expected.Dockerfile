FROM debian:bookworm-slim

LABEL of=x

# what is there to install
RUN apt-get update \
    # tools
    && apt-get install -y curl \
    # not needed any more
    && apt-get clean && rm -rf /var/lib/apt/lists/*
COPY . /app
