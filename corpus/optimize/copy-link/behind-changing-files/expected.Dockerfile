FROM node:22 AS tools
WORKDIR /tools
COPY tools .
RUN ./build /out

FROM nginx:1.29
COPY site /usr/share/nginx/html/
# What pages are checked with.
COPY --link --from=tools /out/ /opt/tools/
COPY --link nginx.conf /etc/nginx/nginx.conf
EXPOSE 80
