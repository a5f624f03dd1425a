FROM debian:bookworm-slim
RUN ./fetch-all
RUN rm -rf /tmp/downloads
