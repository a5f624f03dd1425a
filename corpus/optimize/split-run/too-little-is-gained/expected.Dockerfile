FROM debian:bookworm-slim
COPY . /app
RUN groupadd -g 666 app && useradd -u 666 -g app app && chown -R app:app /app
