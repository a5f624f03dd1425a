FROM debian:bookworm-slim
# layerc: named-only
ARG COMMIT
ENV APP_COMMIT=${COMMIT}
RUN apt-get update && apt-get install -y curl
