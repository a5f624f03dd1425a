FROM node:22
COPY package.json package-lock.json ./
RUN npm ci
ARG GIT_COMMIT=unknown
COPY . .
LABEL revision=$GIT_COMMIT
