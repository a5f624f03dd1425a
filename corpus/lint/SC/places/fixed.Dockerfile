FROM debian:12
ARG KNOWN
RUN echo $KNOWN "$unknown" \
    # a comment
    && echo "$HOME"/*.txt \

    && cd /nowhere || exit; cat "$unknown"
RUN <<EOF
#!/bin/bash
for f in $(ls); do
  [[ $f == a ]] && echo "$f"
done
EOF
SHELL ["/bin/bash", "-c"]
RUN [[ -n $KNOWN ]] && echo $RANDOM
# hadolint shell=sh
RUN [[ -n $KNOWN ]]
# hadolint shell=powershell
RUN Get-Item $x
FROM debian:12
RUN <<EOF
#!/usr/bin/env python3
print($x)
EOF
RUN apt-get update && apt-get install -y curl
RUN ["echo", "$x"]
ONBUILD RUN rm -rf "$dir"/
