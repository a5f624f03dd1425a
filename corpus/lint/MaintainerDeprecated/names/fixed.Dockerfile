FROM alpine:3.20
LABEL org.opencontainers.image.authors="Some One <some@example.com>"
maintainer "Quoted" $X
