FROM debian:bookworm-slim
ARG VERSION=1
RUN mkdir -p /app/data \
 && touch /app/data/empty
RUN echo "$VERSION" > /version
