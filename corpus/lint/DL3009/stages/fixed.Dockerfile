FROM debian:12 AS tools
RUN apt-get update

FROM debian:12 AS base
RUN apt-get update && apt-get install -y --no-install-recommends git=1:2.39.* && rm -rf /var/lib/apt/lists/*

FROM base
RUN apt-get update && apt-get install -y --no-install-recommends curl=7.* && rm -rf /var/lib/apt/lists/*
RUN --mount=type=cache,target=/var/lib/apt apt-get update
RUN apt-get update; rm -fr /var/lib/apt/lists/
RUN apt-get update && rm -rf /tmp/x && rm -rf /var/lib/apt/lists/*
RUN rm -rf /var/lib/apt/lists/* && apt-get update && rm -rf /var/lib/apt/lists/*
COPY --from=tools /a /a
