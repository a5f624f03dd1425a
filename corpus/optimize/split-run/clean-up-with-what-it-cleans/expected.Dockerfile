FROM debian:bookworm-slim
COPY . /app
RUN apt-get update && apt-get install -y gcc && ./app/build.sh && rm -rf /var/lib/apt/lists/*
RUN apt-get update && apt-get install -y make && make -C /app && apt-get purge -y make
