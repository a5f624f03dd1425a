FROM debian:bookworm-slim
ARG PIP_INDEX_URL
ARG VERSION
LABEL version=$VERSION
RUN pip install app==$VERSION
