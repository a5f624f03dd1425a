FROM debian:bookworm-slim
RUN ln -s /srv/data /data
COPY . /data/
RUN sha256sum /srv/data/main.py > /sum
RUN wc -c /srv/data/main.py > /sizes
