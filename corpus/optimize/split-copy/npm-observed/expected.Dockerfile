FROM node:20
WORKDIR /app
ENV NODE_ENV=production
COPY package.json package-lock.json ./
RUN npm ci
# everything
COPY . .
CMD ["node", "main.js"]
