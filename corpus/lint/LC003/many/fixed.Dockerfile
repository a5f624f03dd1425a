# check=skip=StageNameCasing,Nonsense
# hadolint global ignore=DL3006,DL9999
FROM alpine:3.20 AS B
# layerc ignore=SC2086,maintainer-deprecated  the reason, UndefinedVar
RUN a
# check=skip=AlsoNot
RUN b
