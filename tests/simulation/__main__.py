"""`python -m tests.simulation --seeds N [--first K] [--jobs J]`, or `--seed K --story` for one of them."""

import argparse
import collections
import multiprocessing
import os
import sys
import time

from tests.simulation.world import Result, Script, run


def _one(seed: int) -> Result:
    result = run(Script.of(seed))
    result.lines = []
    return result


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("--seeds", type=int, default=200, help="how many stories")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, help="one story alone")
    parser.add_argument("--story", action="store_true", help="tell it line by line")
    given = parser.parse_args()
    if given.seed is not None:
        result = run(Script.of(given.seed))
        if given.story:
            print(result.story())
        print(f"seed {given.seed}: {result.violated or 'good'}")
        return 1 if result.violated else 0
    return _many(range(given.first, given.first + given.seeds), given.jobs)


def _many(seeds: range, jobs: int) -> int:
    began = time.monotonic()
    virtual_s, requests, messages = 0.0, 0, 0
    faults: collections.Counter[str] = collections.Counter()
    failed: list[Result] = []
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        for result in pool.imap_unordered(_one, seeds, chunksize=4):
            virtual_s += result.virtual_s
            requests += result.requests
            messages += result.sections
            faults.update(result.faults)
            if result.violated:
                failed.append(result)
                print(f"seed {result.seed}: {result.violated}", flush=True)
    took_s = time.monotonic() - began
    print(f"seeds          {len(seeds)}, from {seeds[0]}")
    print(f"virtual time   {virtual_s / 3600:.1f} hours in {took_s:.1f} s: {virtual_s / took_s:,.0f} times real time")
    print(f"requests       {requests:,}; messages of the CRM {messages:,}")
    print("faults         " + (", ".join(f"{kind} {number}" for kind, number in sorted(faults.items())) or "none"))
    print(f"failed         {len(failed)}")
    if failed:
        first = min(failed, key=lambda result: result.seed)
        print(f"replay with    PYTHONHASHSEED=0 python -m tests.simulation --seed {first.seed} --story")
    return 1 if failed else 0


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":  # sets of strings must have the same order each time
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, "-m", "tests.simulation", *sys.argv[1:]])
    sys.exit(main())
