FROM debian:bookworm-slim
WORKDIR /a
RUN curl -fsSLo /a/x https://example.com/x
WORKDIR /b
RUN rm /a/x
RUN curl -fsSLo /tmp/y https://example.com/y
USER app
RUN rm /tmp/y
