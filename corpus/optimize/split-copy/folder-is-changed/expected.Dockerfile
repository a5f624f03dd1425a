FROM gcc:12
WORKDIR /src
COPY . .
RUN chmod 700 vendor && make -C vendor
