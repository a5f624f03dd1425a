FROM alpine:3.20 AS base
RUN apk add curl

FROM base AS test
RUN ./test.sh

FROM base
CMD ["curl"]
