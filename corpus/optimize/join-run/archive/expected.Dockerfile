FROM debian:bookworm-slim
RUN cd /opt && curl -fsSLo /tmp/tool.tar.gz https://example.com/tool.tar.gz && tar xzf /tmp/tool.tar.gz \
    && rm /tmp/tool.tar.gz
COPY . /app
