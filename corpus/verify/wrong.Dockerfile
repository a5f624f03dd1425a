# Another image: the other files are forgotten, the order is another, and nothing is started.
FROM busybox:latest
WORKDIR /app
COPY words .
RUN mkdir /etc/app && sort -r words > /etc/app/words && chmod 600 /etc/app/words
RUN head -c 9 /dev/urandom | base64 > /etc/app/key
