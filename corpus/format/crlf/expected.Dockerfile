FROM a
RUN b && \
    c

FROM d
COPY <<E /x
 a  
E
CMD x
