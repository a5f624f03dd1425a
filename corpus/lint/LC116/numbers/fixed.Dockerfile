FROM alpine:3.20
RUN echo 1 > /1
FROM alpine:3.20
COPY --from=0 /1 /1
RUN --mount=from=2,target=/two cp /two/2 /2
