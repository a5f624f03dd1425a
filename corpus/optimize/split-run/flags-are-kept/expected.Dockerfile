FROM debian:bookworm-slim
COPY . /app
RUN --mount=type=cache,target=/var/cache/apt \
    --network=default \
    apt-get update \
 && apt-get install -y gcc
RUN --mount=type=cache,target=/var/cache/apt --network=default cd /app \
 && make # the program
