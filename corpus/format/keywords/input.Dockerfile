from alpine:3.20 as build
run   make
copy --from=build   --chown=1:1  a   b
healthcheck   --interval=3s   cmd   curl  -f  http://localhost
healthcheck none
env  A=1    B="two   blanks"   C=d\ \ e
label  x='a   b'   y=z
arg  VERSION=1
workdir   /a   b
expose  80   443
  user   root
stopsignal	SIGTERM
