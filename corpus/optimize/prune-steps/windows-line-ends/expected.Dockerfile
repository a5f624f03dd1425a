FROM debian:bookworm-slim
ENV A=1
RUN echo a \
  b