from alpine:3.20 as a
FROM alpine:3.20 AS b
FROM alpine:3.20 AS as
FROM \
  as AS \
  c
