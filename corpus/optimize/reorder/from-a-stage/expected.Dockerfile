FROM debian:bookworm-slim AS tools
RUN apt-get update && apt-get install -y gcc

FROM debian:bookworm-slim
COPY --from=tools /usr/share/doc/gcc /doc
RUN cp -r /doc /manual
COPY . /app
