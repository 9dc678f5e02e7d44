"""`python -m tests.sim --histories 20000`: play so many histories; the last line is one JSON object.

`python -m tests.sim SEED` plays the batch of that seed again, as a failure names it. `python -m tests.sim
--history FILE` plays one printed `History(...)` and prints its timeline.
"""

import argparse
import json
import os
import sys
import time
from collections import Counter
from pathlib import Path

from tests.sim import events, sources, timeline
from tests.sim.campaign import BATCH, Batch, batch, run


def main() -> int:
    """Returns 1 when a law was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.sim", description=__doc__)
    parser.add_argument("seed", nargs="?", type=int, help="play one batch again")
    parser.add_argument("--histories", type=int, default=20_000)
    parser.add_argument("--first", type=int, default=1, help="seed of the first batch")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--history", type=Path, help="a file with one History(...)")
    args = parser.parse_args()
    if args.history is not None:
        return _replay(args.history.read_text())
    counts: Counter[str] = Counter()
    failures: list[int] = []
    start = time.perf_counter()

    def told(done: Batch) -> None:
        counts.update(done.counts)
        if done.failure:
            failures.append(done.seed)
            print(f"--- seed {done.seed} broke a law\n{done.failure}\n", flush=True)

    if args.seed is not None:
        told(batch(args.seed, min(BATCH, args.histories)))
    else:
        run(args.first, args.histories, args.processes, told)
    seconds = round(time.perf_counter() - start, 1)
    print(json.dumps({**counts, "broken": len(failures), "failed_seeds": failures, "seconds": seconds}))
    return 1 if failures else 0


def _replay(text: str) -> int:
    """Play a history as it was printed."""
    names = {**vars(events), **vars(sources)}
    history = eval(text, names)  # noqa: S307 - the user's own file
    told, broken = timeline.tell(history)
    print("\n".join([*told, *broken, "broke a law" if broken else "kept the laws"]))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
