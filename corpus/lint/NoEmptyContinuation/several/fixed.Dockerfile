FROM alpine:3.20
RUN echo \
  a && \
  # a comment
  b
COPY <<F /x

not me

F
ENV last=1 \
