FROM golang:1.23 AS modules
ENV GOPATH=/go
COPY go.mod go.sum /src/
RUN cd /src && go mod download

FROM golang:1.23
COPY --from=modules /go /go
