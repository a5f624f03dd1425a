FROM node:20
WORKDIR /app
COPY package.json package-lock.json ./
COPY vendor vendor/
RUN npm ci
COPY . .
