FROM debian:bookworm-slim
RUN mkdir -p /app/data \
 && touch /app/data/empty
ARG VERSION=1
RUN echo "$VERSION" > /version
