FROM nginx:1.29 AS into-a-directory
COPY site /usr/share/nginx/html/
COPY nginx.conf /opt

FROM nginx:1.29 AS through-a-link
COPY site /usr/share/nginx/html/
COPY nginx.conf /etc/nginx/modules/

FROM nginx:1.29 AS another-mode
COPY site /usr/share/nginx/html/
COPY nginx.conf /tmp/
COPY nginx.conf /root/below/

FROM nginx:1.29 AS flags
COPY site /usr/share/nginx/html/
COPY --chown=101:101 nginx.conf /etc/nginx/
COPY --chmod=600 nginx.conf /etc/nginx/
COPY --parents nginx.conf /etc/

FROM nginx:1.29 AS contents
COPY site /usr/share/nginx/html/
COPY tools /root
