FROM golang:1.23 AS build
ENV GOPATH=/go
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN ./build.sh
