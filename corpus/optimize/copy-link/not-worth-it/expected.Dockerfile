FROM nginx:1.29
COPY nginx.conf /etc/nginx/
COPY site /usr/share/nginx/html/
COPY tools /opt/tools/
RUN ./check
COPY . /src/
