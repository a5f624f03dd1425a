FROM alpine:3.20 AS tools
RUN apk add curl

FROM tools as fetch
RUN curl -o /data https://example.com/data

FROM tools
COPY --from=fetch /data /data
