FROM alpine:3.20 AS a
FROM alpine:3.20 AS b
FROM --platform=$BUILDPLATFORM alpine:3.20 AS c
from	\
  alpine:3.20
