FROM debian:bookworm-slim
RUN set -f && curl -fsSLo /tmp/y https://example.com/y
RUN rm -rf /tmp/*
RUN cd /tmp && curl -fsSLo z https://example.com/z
RUN rm z /tmp/z
RUN exec curl -fsSLo /tmp/u https://example.com/u
RUN rm /tmp/u
RUN curl -fsSLo /tmp/v https://example.com/v # the archive
RUN rm /tmp/v
