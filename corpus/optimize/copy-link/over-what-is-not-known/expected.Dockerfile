FROM node:22 AS tools
COPY tools .
RUN ./build /out

FROM nginx:1.29
COPY site /usr/share/nginx/html/
COPY --from=tools /out/ /etc/
COPY --from=tools /out /usr/share/nginx
COPY --link --from=tools /out/ /usr/local/
COPY --from=tools /out/share/ /usr/local/share/
