#syntax=docker/dockerfile:1
#  Escape = \
# Check=skip=all
#no blank   
   # indented
FROM a
# layerc fmt=off
RUN   a   &&\
   b

#layerc fmt=off  the table is aligned
# another comment
ENV A=1      \
    LONG=2

# layerc fmt=off

RUN   c   
