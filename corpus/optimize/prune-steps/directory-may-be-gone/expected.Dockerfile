FROM debian:bookworm-slim
WORKDIR /app
RUN rm -rf /app
WORKDIR /app
RUN ./unknown.sh
WORKDIR /app
