FROM debian:bookworm-slim
RUN apt-get update; apt-get install -y curl \
    && rm -rf /var/lib/apt/lists/*
# more
RUN cd /tmp && \
    apt-get update && \
    apt-get install -y make \
    && rm -rf /var/lib/apt/lists/*
