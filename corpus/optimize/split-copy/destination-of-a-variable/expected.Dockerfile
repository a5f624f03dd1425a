FROM node:20
ARG HOME_DIR=/app
WORKDIR $HOME_DIR
COPY package.json package-lock.json $HOME_DIR/
RUN npm ci
COPY . $HOME_DIR
