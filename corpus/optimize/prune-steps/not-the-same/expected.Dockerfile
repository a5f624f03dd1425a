FROM debian:bookworm-slim
ARG V=1
ENV A=$V
ENV A=1
ENV B=1 C=2
ARG B=2
ENV B=1 C=2
LABEL "a"=1
LABEL a=2
LABEL "a"=1
USER one
RUN id > /who
USER two
RUN id >> /who
USER one
SHELL ["/bin/true", "-c"]
RUN true
