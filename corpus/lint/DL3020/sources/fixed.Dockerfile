FROM debian:12
COPY app.py /srv/
ADD app.tar.gz https://example.com/a /srv/
ADD --chown=1:1 ["a b", "c.tgz", "/srv/"]
ADD $FILE /srv/
ADD git@example.com:a/b.git /srv/
ADD <<EOF /srv/a
text
EOF
ONBUILD ADD . /srv
