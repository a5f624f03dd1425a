FROM nginx:1.29
COPY site /usr/share/nginx/html/
RUN ./anything
COPY tools /usr/share/tools/
COPY nginx.conf /etc/nginx/
