# syntax=docker/dockerfile:1
FROM golang:1.25 AS build
COPY tools /go
RUN go build -o /out/app .

FROM scratch
COPY site /site
COPY --link --from=build /out/app /app
COPY --link --from=build /out/app /bin/app
COPY --link nginx.conf /etc/conf
WORKDIR /var/app
COPY --link nginx.conf .
COPY nginx.conf /etc/conf
