FROM gcc:12
WORKDIR /src
COPY vendor vendor/
# What it makes lies in a folder that is copied.
RUN make -C vendor/series
COPY . .
# It lists /src: a file that is added there tomorrow is its business, too.
RUN make
