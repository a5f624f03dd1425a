FROM a
CMD ["a", "b", "c \" [,]"]
ENTRYPOINT []
ENTRYPOINT []
SHELL ["/bin/bash", "-c"]
VOLUME ["/a", "/b"]
HEALTHCHECK CMD ["a", "b"]
RUN [ -f /x ] && y
COPY ["a b", "c"]
ONBUILD CMD [ "a","b" ]
