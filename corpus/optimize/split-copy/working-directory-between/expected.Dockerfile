FROM node:20
WORKDIR /srv
WORKDIR /srv/app
COPY package.json package-lock.json ./
RUN npm ci
COPY . /srv/app
RUN npm run build
