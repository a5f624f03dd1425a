FROM debian:bookworm-slim

WORKDIR /app
RUN apt-get update && apt-get install -y curl
COPY . .
RUN make
# The commit that is built.
# layerc: named-only
ARG COMMIT
LABEL commit=$COMMIT
ENV LANG=C.UTF-8
CMD ["curl"]
