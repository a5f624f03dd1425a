FROM debian:bookworm-slim
WORKDIR /app
COPY . .
RUN ./configure && make install
