from --platform=linux/amd64 \
  # the base
  alpine:3.20 as  buildbase
from scratch as ok
# layerc ignore=stage-name-casing that is how it is called
from scratch as Ignored
# hadolint ignore=DL3006
from scratch AS not
# check=skip=StageNameCasing
FROM scratch AS Skipped
