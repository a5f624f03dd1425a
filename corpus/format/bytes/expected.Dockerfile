FROM a
LABEL a=ÿþ b="Ã©  c"
RUN echo ÿ \
  x
# þ
