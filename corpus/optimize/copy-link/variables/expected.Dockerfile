ARG VERSION=1.29
FROM nginx:1.29 AS destination
ARG DIR=/opt/x
COPY site /usr/share/nginx/html/
COPY nginx.conf $DIR/

FROM nginx:1.29 AS working-directory
ARG DIR=/opt/x
WORKDIR $DIR
COPY site /usr/share/nginx/html/
COPY nginx.conf ./

FROM nginx:1.29 AS command
ARG DIR=/opt/x
COPY site /usr/share/nginx/html/
RUN mkdir -p ${DIR}
COPY site /usr/share/nginx/html/
COPY nginx.conf /etc/nginx/

FROM nginx:$VERSION AS base
COPY site /usr/share/nginx/html/
COPY nginx.conf /etc/nginx/

FROM working-directory AS on-it
COPY site /usr/share/nginx/html/
COPY nginx.conf /etc/nginx/

FROM nginx:1.29
COPY site /usr/share/nginx/html/
COPY --link <<EOF /etc/nginx/some.conf
$HOME
EOF
