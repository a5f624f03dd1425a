FROM node:20
WORKDIR /srv
COPY --chown=node:node . app
WORKDIR /srv/app
RUN npm ci
