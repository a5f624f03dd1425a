# The whole context is copied before the install: builders that do not look at what an install reads repeat it
# after each edit.
FROM python:3.11-slim-bookworm
# With a fixed time, Python's compiled modules are named after their sources' contents, not their times.
ENV SOURCE_DATE_EPOCH=1700000000
WORKDIR /app
COPY requirements.txt ./
COPY vendor vendor/
COPY wheels wheels/
RUN pip install --no-cache-dir --no-index --no-deps --no-build-isolation -r requirements.txt \
 && rm -rf vendor/*/build vendor/*/*.egg-info
COPY . .
CMD ["python", "main.py"]
