FROM alpine:3.20 as a
RUN x
COPY a b
RUN x
RUN y
