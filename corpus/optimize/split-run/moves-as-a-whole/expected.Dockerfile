FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y gcc && adduser app
RUN apt-get update && apt-get install -y make && adduser other
COPY . /app
