# The same image: only the words are there before they are sorted.
FROM busybox:latest
WORKDIR /app
COPY words .
RUN mkdir /etc/app && sort words > /etc/app/words
RUN head -c 9 /dev/urandom | base64 > /etc/app/key
COPY . .
CMD ["cat", "/etc/app/words"]
