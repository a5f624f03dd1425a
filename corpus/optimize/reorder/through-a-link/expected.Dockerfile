FROM debian:bookworm-slim
RUN ln -s /srv/data /data
COPY main.py /data/
RUN sha256sum /srv/data/main.py > /sum
