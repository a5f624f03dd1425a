"""An image has so many layers that builders and engines come to their limits.

Engines mount all layers of an image at once and refuse more than about 125; long before that, pulling and
starting get slower with each. Join steps that always change together. (`layerc build` keeps one layer a step in
its cache and can export fewer.)

## Bad

```dockerfile
FROM alpine:3.20
RUN echo 1 > /n1
RUN echo 2 > /n2
RUN echo 3 > /n3
RUN echo 4 > /n4
RUN echo 5 > /n5
RUN echo 6 > /n6
RUN echo 7 > /n7
RUN echo 8 > /n8
RUN echo 9 > /n9
RUN echo 10 > /n10
RUN echo 11 > /n11
RUN echo 12 > /n12
RUN echo 13 > /n13
RUN echo 14 > /n14
RUN echo 15 > /n15
RUN echo 16 > /n16
RUN echo 17 > /n17
RUN echo 18 > /n18
RUN echo 19 > /n19
RUN echo 20 > /n20
RUN echo 21 > /n21
RUN echo 22 > /n22
RUN echo 23 > /n23
RUN echo 24 > /n24
RUN echo 25 > /n25
RUN echo 26 > /n26
RUN echo 27 > /n27
RUN echo 28 > /n28
RUN echo 29 > /n29
RUN echo 30 > /n30
RUN echo 31 > /n31
RUN echo 32 > /n32
RUN echo 33 > /n33
RUN echo 34 > /n34
RUN echo 35 > /n35
RUN echo 36 > /n36
RUN echo 37 > /n37
RUN echo 38 > /n38
RUN echo 39 > /n39
RUN echo 40 > /n40
RUN echo 41 > /n41
RUN echo 42 > /n42
RUN echo 43 > /n43
RUN echo 44 > /n44
RUN echo 45 > /n45
RUN echo 46 > /n46
RUN echo 47 > /n47
RUN echo 48 > /n48
RUN echo 49 > /n49
RUN echo 50 > /n50
RUN echo 51 > /n51
RUN echo 52 > /n52
RUN echo 53 > /n53
RUN echo 54 > /n54
RUN echo 55 > /n55
RUN echo 56 > /n56
RUN echo 57 > /n57
RUN echo 58 > /n58
RUN echo 59 > /n59
RUN echo 60 > /n60
RUN echo 61 > /n61
RUN echo 62 > /n62
RUN echo 63 > /n63
```

## Good

```dockerfile
FROM alpine:3.20
RUN for n in $(seq 63); do echo $n > /n$n; done
```

## When to ignore

Where the image is squashed or exported with fewer layers.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..finding import Finding
from ..rule import Category, Rule, Severity
from ..subject import Subject

_MOST = 60


def check(subject: Subject) -> Iterator[Finding]:
    """FROM of a stage that makes more layers, those of the stages below it included."""
    counts: dict[int, int] = {}
    for stage in subject.stages:
        below = 0 if stage.parent is None else counts[stage.parent.number]
        counts[stage.number] = below + len(stage.of("RUN", "COPY", "ADD", "WORKDIR"))
        if counts[stage.number] > _MOST >= below:
            message = f"{counts[stage.number]} layers come on top of those of the base image"
            yield Finding(stage.from_.keyword_span, message, "join steps that change together")


RULE = Rule(
    id="LC117",
    name="too-many-layers",
    severity=Severity.INFO,
    category=Category.CACHE,
    since="0.2",
    check=check,
    page=__doc__,
)
