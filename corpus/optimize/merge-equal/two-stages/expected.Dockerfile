# syntax=docker/dockerfile:1

# What both need comes first.
FROM debian:bookworm-slim AS common
ENV LANG=C.UTF-8
RUN apt-get update \
 && apt-get install -y libpq5

FROM common AS build

# The compiler.
RUN apt-get install -y gcc
COPY . .
RUN make

# What is shipped.
FROM common
COPY --from=1 /app /app
CMD ["/app"]
