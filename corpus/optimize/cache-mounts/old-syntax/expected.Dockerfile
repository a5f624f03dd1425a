# syntax=docker/dockerfile:1.0
FROM debian:bookworm-slim
RUN pip install flask
