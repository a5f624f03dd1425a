FROM node:20
ARG APP=web
WORKDIR /app
# With APP=api it is another package.json.
COPY $APP .
RUN npm ci
