# The whole context is copied before the install: builders that do not look at what an install reads repeat it
# after each edit.
FROM node:18-bookworm-slim
WORKDIR /app
COPY package.json package-lock.json ./
COPY packages packages/
COPY vendor vendor/
RUN npm ci --offline --no-audit --no-fund --logs-max=0 --cache=/tmp/npm && rm -rf /tmp/npm
COPY . .
CMD ["node", "index.js"]
