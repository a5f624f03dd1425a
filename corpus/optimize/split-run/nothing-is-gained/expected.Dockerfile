FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y gcc && mkdir /data
COPY . /app
RUN cp /app/main.py / && make -C /app
