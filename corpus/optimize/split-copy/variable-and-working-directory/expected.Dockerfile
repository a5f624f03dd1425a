FROM node:20
ENV HOME_DIR=$ROOT/app
# Where ROOT is the base's, or empty, nobody knows here.
COPY . $HOME_DIR
WORKDIR /app
RUN npm ci
