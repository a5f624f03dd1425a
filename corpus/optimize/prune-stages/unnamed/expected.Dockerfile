# syntax=docker/dockerfile:1
# An image for tests.

FROM debian:bookworm-slim
RUN echo one > /one

# What is shipped.
FROM alpine:3.20
COPY --from=0 /one /one
RUN apk add curl
