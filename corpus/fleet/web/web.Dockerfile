# layerc: image=acme/web context=..
FROM node:22-slim AS assets
COPY web/package.json .
RUN npm install

FROM acme/base:2
COPY --from=assets /node_modules /srv/node_modules
COPY --from=acme/api:5 /usr/local/bin/api /srv/api
