"""Play made-up histories, for a number of them or for minutes, in several processes.

    python tests/tools/soak.py [--minutes 10 | --histories 50] [--jobs 2] [--seed N]

Prints each seed, and what was seen as JSON. With odd seeds steps run side by side. A history whose incremental builds are not what its clean builds are is
made as short as may be and written to corpus/histories, where the tests find it from then on; the status is 1 then.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from histories import History, MismatchError, Player, save_history
from hypothesis import HealthCheck, Phase, given, seed, settings
from made_histories import histories

FOUND = Path(__file__).parent.parent.parent / "corpus" / "histories"
_MOST_STATES = 12
_ROUND = 20
_SEEDS_APART = 1_000_000


def play(player: Player, number: int, count: int) -> tuple[History, MismatchError] | None:
    """Play ``count`` histories of the seed ``number``; the shortest that was found to fail, if one does."""
    failed: list[tuple[History, MismatchError]] = []

    @seed(number)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        print_blob=False,
    )
    @given(histories(_MOST_STATES))
    def run(history: History) -> None:
        try:
            player.play(history)
        except MismatchError as mismatch:
            failed.append((history, mismatch))
            raise

    try:
        run()
    except MismatchError:
        return failed[-1]
    return None


def work(first: int, count: int, end: float) -> int:
    """Play rounds until there were ``count`` histories, or until the moment ``end``."""
    with tempfile.TemporaryDirectory(prefix="layerc-soak-", ignore_cleanup_errors=True) as folder:
        player = Player(Path(folder))
        number, status = first, 0
        while player.counts["histories"] < count and time.time() < end:
            print(f"seed {number}", file=sys.stderr, flush=True)
            player.side_by_side = number % 2 == 1
            failed = play(player, number, min(_ROUND, count))
            if failed is not None:
                path = FOUND / f"found-{number}.toml"
                save_history(path, failed[0], str(failed[1]))
                print(f"{path}: {failed[1]}", file=sys.stderr, flush=True)
                status = 1
            number += 1
    print(json.dumps(player.counts))
    return status


def main(words: Sequence[str]) -> int:
    """The program."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--histories", type=int, help="for each job")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    given_words = parser.parse_args(words)
    count = given_words.histories or sys.maxsize
    end = time.time() + 60 * given_words.minutes if given_words.minutes else sys.maxsize
    if given_words.jobs == 1:
        return work(given_words.seed, count, end)
    common = [sys.executable, __file__, "--jobs=1"]
    common += [
        f"--{name}={value}" for name in ("minutes", "histories") if (value := getattr(given_words, name))
    ]
    seeds = [given_words.seed + _SEEDS_APART * job for job in range(given_words.jobs)]
    jobs = [
        subprocess.Popen([*common, f"--seed={number}"], stdout=subprocess.PIPE, text=True) for number in seeds
    ]
    counts: Counter[str] = Counter()
    for job in jobs:
        output = job.communicate()[0]
        # The last line: hypothesis shows what it finds above it.
        counts.update(json.loads(output.splitlines()[-1]) if job.returncode == 0 else {})
    print(json.dumps(dict(sorted(counts.items())), indent=1))
    return int(any(job.returncode for job in jobs))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
