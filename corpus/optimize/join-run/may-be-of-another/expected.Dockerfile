FROM debian:bookworm-slim
WORKDIR /var/www
COPY composer.json ./
RUN composer install \
    && rm composer.json
RUN apt-get update && apt-get install -y golang
RUN rm -rf /etc/service/sshd
