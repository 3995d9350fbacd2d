"""Many stories, on all cores, and what came of them."""

import collections
import multiprocessing
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tests.simulation.story import Script
from tests.simulation.world import Result, run

CHUNK = 4
TOLD_EVERY = 500


@dataclass(slots=True)
class Summary:
    seeds: int = 0
    virtual_s: float = 0.0
    took_s: float = 0.0
    requests: int = 0
    messages: int = 0
    faults: collections.Counter[str] = field(default_factory=collections.Counter)
    failed: list[Result] = field(default_factory=list)
    interrupted: bool = False

    def add(self, result: Result) -> None:
        self.seeds += 1
        self.virtual_s += result.virtual_s
        self.requests += result.requests
        self.messages += result.messages
        self.faults.update(result.faults)
        if result.violated:
            self.failed.append(result)

    def __str__(self) -> str:
        kinds = ", ".join(f"{kind} {number}" for kind, number in sorted(self.faults.items()))
        hours = self.virtual_s / 3600
        lines = [
            f"seeds          {self.seeds:,}{', interrupted' if self.interrupted else ''}",
            f"virtual time   {hours:,.1f} hours in {self.took_s:,.1f} s: {hours / self.took_s * 60:,.0f} hours a"
            f" minute, {self.virtual_s / self.took_s:,.0f} times real time",
            f"requests       {self.requests:,}",
            f"CRM messages   {self.messages:,}",
            f"faults         {self.faults.total():,}: {kinds or 'none'}",
            f"failed         {len(self.failed)}",
        ]
        if self.failed:
            first = min(result.seed for result in self.failed)
            lines.append(f"replay with    python -m tests.simulation --seed {first} --story")
        return "\n".join(lines)


def one(seed: int) -> Result:
    """A story without its lines: it can be told again from its seed."""
    result = run(Script.of(seed))
    result.lines = []
    return result


def results(seeds: Iterable[int], jobs: int) -> Iterator[Result]:
    if jobs == 1:
        yield from map(one, seeds)
        return
    with multiprocessing.get_context("spawn").Pool(jobs, signal.signal, (signal.SIGINT, signal.SIG_IGN)) as pool:
        yield from pool.imap_unordered(one, seeds, chunksize=CHUNK)


def play(seeds: Iterable[int], jobs: int) -> Summary:
    """Play them all; what fails is told at once. Ctrl-C: those that were played by then."""
    began, summary = time.monotonic(), Summary()
    try:
        for result in results(seeds, jobs):
            summary.add(result)
            if result.violated:
                print(f"seed {result.seed}: {result.violated}", flush=True)
            if summary.seeds % TOLD_EVERY == 0:
                print(f"{summary.seeds:,} stories", file=sys.stderr, flush=True)
    except KeyboardInterrupt:
        summary.interrupted = True
    summary.took_s = time.monotonic() - began
    return summary
