FROM python:3.12
WORKDIR /app
COPY requirements.txt ./
RUN pip install -r requirements.txt
COPY one.py ./
COPY two.py ./
Copy three.py ./
CMD ["python", "one.py"]
