"""`make bench`: what speed and size are, in one run on this machine. Prints a table; exit 1 if a bound is missed.

Bounds are for ratios and for figures with a wide margin: absolute times differ from machine to machine.
"""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from bench import burst, events, latency, snapshot, window
from bench.report import Row

PARTS = {
    "latency": latency.measure,
    "burst": burst.measure,
    "window": window.measure,
    "snapshot": snapshot.measure,
    "events": events.measure,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"one or more of {', '.join(PARTS)} (default: all)")
    chosen = parser.parse_args().parts or list(PARTS)
    if unknown := set(chosen) - set(PARTS):
        parser.error(f"'{unknown.pop()}' is not one of {', '.join(PARTS)}")
    rows: list[Row] = []
    for name in chosen:
        with tempfile.TemporaryDirectory() as folder:
            found = asyncio.run(PARTS[name](Path(folder)))
        for row in found:
            print(row, flush=True)
        rows += found
    return 0 if all(row.holds for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
