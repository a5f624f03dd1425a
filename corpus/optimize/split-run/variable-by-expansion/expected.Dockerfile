FROM debian:bookworm-slim
COPY . /app
RUN apt-get update && apt-get install -y ${TOOLS:=gcc} && make -C /app CC=$TOOLS
