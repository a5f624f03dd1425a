FROM alpine:3.20
ENV A=one
ENV B="one two   three"
ENV C "quoted" word
ENV D=$A/bin
ENV E a \
  b
ENV F="with#hash"
ENV	G=tab
LABEL org.example.title="A title"
ENV H="a=b c"
ENV I it's
ENV OK=1 OK2="2 3"
ONBUILD ENV K v w
