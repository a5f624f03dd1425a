FROM debian:bookworm-slim
COPY . /app
RUN echo 127.0.0.1 db >> /etc/hosts && apt-get update && apt-get install -y gcc && make -C /app
RUN --mount=type=tmpfs,target=/work apt-get update && apt-get install -y gcc && make -C /app
RUN apt-get update && apt-get install -y gcc && echo $_ && make -C /app
