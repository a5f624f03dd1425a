FROM alpine:3.20 AS one
# the one that counts
CMD ["b"]
HEALTHCHECK NONE
FROM one
CMD ["c"]
ENTRYPOINT ["y"]
ONBUILD CMD ["d"]
ONBUILD CMD ["e"]
