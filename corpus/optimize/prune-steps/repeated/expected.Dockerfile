FROM debian:bookworm-slim
ENV LANG=C.UTF-8
WORKDIR /app
USER root
COPY . .
LABEL a=1
EXPOSE 80

CMD ["./serve"]
