FROM gcc:12
WORKDIR /src
RUN mkdir -m 700 vendor
# It gives vendor the mode that it has in the context. COPY vendor vendor/ would leave it alone.
COPY . .
RUN make -C vendor
