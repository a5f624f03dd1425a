FROM nginx:1.29
COPY site /usr/share/nginx/html/
COPY nginx.conf /etc/nginx/
