FROM debian:12
RUN wget --progress=dot:giga a && wget -qO- b && wget -nv c && wget --progress=dot:giga d && wget -o log e
RUN curl f | wget --progress=dot:giga -i -
