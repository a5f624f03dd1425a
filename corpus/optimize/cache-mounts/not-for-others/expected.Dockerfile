FROM debian:bookworm-slim
USER app
RUN pip install flask
USER root
RUN npm ci && npm cache clean --force
RUN --mount=type=cache,target=/root/.cache pip install flask
RUN pip install flask || true
RUN apt-get update && apt-get install -y curl && apt-get clean
