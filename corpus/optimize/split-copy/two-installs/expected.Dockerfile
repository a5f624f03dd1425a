FROM python:3.12
WORKDIR /app
COPY package.json package-lock.json /app/
RUN npm ci
COPY requirements.txt /app/
RUN pip install -r requirements.txt
COPY . /app
RUN make
