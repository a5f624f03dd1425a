
# check=skip=StageNameCasing
FROM alpine
COPY a /
