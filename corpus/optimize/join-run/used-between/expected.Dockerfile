FROM debian:bookworm-slim
RUN curl -fsSLo /tmp/y.tar https://example.com/y.tar
RUN tar xf /tmp/y.tar -C /opt
RUN rm /tmp/y.tar
COPY main.py /tmp/
RUN rm /tmp/main.py
