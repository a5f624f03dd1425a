FROM debian:bookworm-slim
WORKDIR /app
# all at once
RUN apt-get update && \
    # what we build with
    apt-get install -y gcc && \
    # lists are of no use later
    rm -rf /var/lib/apt/lists/*
COPY . .
# the program
RUN make -C /app
CMD ["./app"]
