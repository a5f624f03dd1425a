FROM alpine:3.20 AS one
CMD ["run", "--all", "./x=y"]
ENTRYPOINT exec "$0"
FROM alpine:3.20 AS two
SHELL ["/bin/bash", "-c"]
CMD run
FROM alpine:3.20
ONBUILD CMD go  on
CMD a \
  b
