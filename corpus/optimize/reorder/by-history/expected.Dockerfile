FROM debian:bookworm-slim
COPY main.py /app/
RUN python3 -m compileall /app/main.py
COPY src /app/src
RUN cp -r /app/src /built
