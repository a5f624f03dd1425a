FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y curl
ARG BUILD_DATE
ARG VCS_REF
LABEL org.opencontainers.image.created=$BUILD_DATE \
      org.opencontainers.image.revision=$VCS_REF
CMD ["curl"]
