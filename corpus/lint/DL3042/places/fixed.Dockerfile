FROM python:3.13 AS a
RUN pip install --no-cache-dir a==1 && pip install --no-cache-dir b==1
RUN --mount=type=cache,target=/root/.cache/pip pip install c==1
RUN PIP_NO_CACHE_DIR=1 pip install d==1
ENV PIP_NO_CACHE_DIR=off
RUN pip install --no-cache-dir e==1
ENV PIP_NO_CACHE_DIR=yes
RUN pip install f==1
FROM a
RUN python -m pip install g==1
FROM python:3.13
RUN python -m pip install --no-cache-dir h==1
