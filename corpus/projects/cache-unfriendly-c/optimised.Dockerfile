# The whole context is copied before the library is compiled, which seldom changes.
FROM gcc:12-bookworm AS build
WORKDIR /src
COPY vendor vendor/
RUN make -C vendor/series
COPY . .
RUN make program

FROM scratch
COPY --from=build /src/program /program
CMD ["/program"]
