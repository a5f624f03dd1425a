# syntax=docker/dockerfile:1
ARG TAG=3.20
FROM alpine:$TAG AS build
WORKDIR /src

# What it needs
RUN apk add --no-cache \
        gcc \
        make \
    && make --version
COPY . .
RUN --mount=type=cache,target=/root/.cache \
    make

FROM scratch
COPY --from=build /src/app /
ENTRYPOINT ["/app"]
