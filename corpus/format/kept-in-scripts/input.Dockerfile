FROM debian:12
RUN echo "a \
  b" &&\
  echo 'c  \
      d' | \
  cat
RUN lo\
ng && ec\
ho x
RUN x=$(date \
 +%s) && \
 y="$(date \
 +%s)" && \
 z
RUN echo `uname \
   -a`
RUN   --mount=type=cache,target=/a \
  --mount=type=cache,target=/b \
  case $x in \
    a) b;; \
  esac
RUN case $x in \
  a) b;; \
  esac
RUN printf 'LINENO: %s' $LINENO \
  && echo
CMD echo  a \
  && echo b
ENTRYPOINT a   b  
ONBUILD   run   a  \
  b  
onbuild  COPY  a   b
ENV OLD   value   with   blanks  
