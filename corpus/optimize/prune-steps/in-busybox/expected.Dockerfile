FROM busybox:latest
ENV LANG=C.UTF-8
WORKDIR /app
COPY . .
CMD ["sh"]
