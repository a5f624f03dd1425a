FROM debian:12
RUN apt-get update&& \
    apt-get install -y \
        curl \
        git \
    # cleans up
    && rm -rf /var/lib/apt/lists/*

RUN set -e; \
    for x in a b; do \
        if test -f $x; then \
            echo "found   $x"; \
        fi; \
    done

RUN a \
    && b \
    # at the margin
    && c
RUN --mount=type=cache,target=/a \
    --mount=type=bind,target=/b \
    make
COPY a \
    b \
        /c/
ENV A=1 \
    B=2 \
    # why
    C="3   4"
CMD [ \
    "a", \
    "b" \
]
