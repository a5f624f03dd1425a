FROM scratch
WORKDIR /app
COPY package.json package-lock.json ./
RUN ["npm", "ci"]
# everything
COPY . .
RUN ["npm", "run", "build"]
