FROM alpine:3.20
RUN echo kept: the stage below copies from it > /note

FROM scratch AS notes
COPY --from=0 /note /

FROM alpine:3.20
CMD ["true"]
