FROM debian:bookworm-slim
WORKDIR /app
ENV DEBIAN_FRONTEND=noninteractive
# what we build with
RUN apt-get update && apt-get install -y gcc
COPY . .

LABEL of=x
RUN make
