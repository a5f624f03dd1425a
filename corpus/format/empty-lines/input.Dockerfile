

# the first line
ARG TAG=1
FROM a:$TAG AS one



RUN x

# about the next stage
# in two lines
FROM b AS two
RUN y
# about the third
FROM c
FROM d


