# Other text above a step, another base, an argument, nothing that takes time.
FROM alpine:3.20 AS one
# one thing
RUN apk add curl

FROM alpine:3.20 AS two
# another thing
RUN apk add curl

FROM alpine:3.19 AS three
RUN apk add curl

FROM alpine:3.21 AS four
ARG A
RUN apk add curl

FROM alpine:3.21 AS five
ARG A
RUN apk add curl

FROM alpine:3.18 AS six
WORKDIR /app

FROM alpine:3.18
WORKDIR /app
COPY --from=one --chmod=644 /etc/passwd /one
COPY --from=two --chmod=644 /etc/passwd /two
COPY --from=three --chmod=644 /etc/passwd /three
COPY --from=four --chmod=644 /etc/passwd /four
COPY --from=five --chmod=644 /etc/passwd /five
COPY --from=six --chmod=644 /etc/passwd /six
