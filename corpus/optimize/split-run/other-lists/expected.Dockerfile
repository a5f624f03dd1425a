FROM debian:bookworm-slim
COPY . /app
RUN apt-get update && apt-get install -y gcc || make -C /app
RUN apt-get update && apt-get install -y gcc ; make -C /app
RUN (apt-get update && apt-get install -y gcc && make -C /app)
RUN apt-get update && apt-get install -y gcc && make -C /app & wait
