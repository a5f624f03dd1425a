"""How well the cache rules find what corpus/lint-cache says: precision and recall, by rule and in all.

Usage: python tests/tools/lint_precision.py [--slips]
"""

from __future__ import annotations

import sys

from lint_labels import Score, labelled, measure


def main(arguments: list[str]) -> int:
    scores, slips = measure()
    whole = sum(scores.values(), start=Score())
    files = list(labelled())
    clean = sum(not case.expect for case in files)
    print(f"{len(files)} Dockerfiles, {clean} of them without findings")
    print(f"{'rule':6} {'right':>6} {'wrong':>6} {'missed':>6} {'precision':>10} {'recall':>7}")
    for rule, score in (*scores.items(), ("all", whole)):
        print(
            f"{rule:6} {score.right:6} {score.wrong:6} {score.missed:6} {score.precision:10.3f} {score.recall:7.3f}"
        )
    if "--slips" in arguments:
        print(*slips, sep="\n")
    return int(min(whole.precision, whole.recall) < 0.95)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
