FROM python:3.12
WORKDIR /app
# what we need
COPY requirements.txt .
RUN pip install -r requirements.txt
COPY src src
RUN make -C src
