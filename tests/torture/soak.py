"""Many minutes at ten times the rate of a centre of 500 agents: does anything grow, does anything become late?

An agent has about 10 calls an hour and opens the card form in every third. 500 agents: 5,000 calls and 1,667 sections
an hour, 1.4 and 0.46 a second; ten times that is 13.9 calls and 4.6 sections a second.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import linear_regression
from typing import Any

from orchestrator.simulator.crm import Sections
from orchestrator.simulator.floor import Tempo
from orchestrator.simulator.recordings import Stretch
from orchestrator.simulator.verdict import Spread
from tests.torture.crm import STREAM
from tests.torture.judge import Report
from tests.torture.load import Size
from tests.torture.proc import cpu_s, memory_mib, open_files
from tests.torture.world import World, world

AGENTS = 500
CALLS_PER_S = 13.9
SECTIONS_PER_S = 4.63
SIZE = Size(
    agents=AGENTS,
    tempo=Tempo(talk_s=(5.0, 15.0), arrival_s=60.0, idle_s=(30.0, 90.0)),
    sections=Sections(every_s=(0.15, 0.38), last_s=(5.0, 20.0)),
)
LAG_S = 1.0
BOUND_S = 1.5
"""For exposure and over-mute: the feed's lag, the API's latency, and a machine of two cores that does all of it."""
WARM_MINUTES = 2
KEPT_MIB = 1.0 / 1024
"""An ended section is kept for an hour, with what the audit and the page remember of it."""
LEAK_MIB_AN_HOUR = 6.0
"""In the last half of the minutes, above what is kept: as much as ten samples may be wrong by."""
SLOPE_MINUTES = 5
"""From fewer minutes no slope can be told."""
MORE_FILES, MORE_TASKS = 8, 3
"""Connections to the API are kept for the next request: a burst may leave a few more."""
MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class Sample:
    at: float
    calls: int
    sections: int
    memory_mib: float
    files: int
    tasks: int
    waiting: int
    """Claims that are not as wanted."""
    unread: int
    """Messages of the CRM that the daemon has not acknowledged."""
    cpu_s: float


async def play(folder: Path, seed: int, minutes: float) -> list[Report]:
    async with world(folder, seed, size=SIZE, lag_s=LAG_S) as on:
        samples = [await _sample(on)]
        for minute in range(1, max(1, round(minutes)) + 1):
            await asyncio.sleep(max(0.0, samples[0].at + min(minute, minutes) * MINUTE_S - on.now))
            samples.append(await _sample(on))
            print(_line(minute, samples[-2], samples[-1], (), ()), flush=True)
        await on.compared()
        await on.quiet()
        await asyncio.sleep(2.0)
        report = on.report(f"soak, {minutes:g} minutes", BOUND_S)
    verdict = report.verdict
    report.notes.append(_HEAD)
    for minute, (since, until) in enumerate(pairwise(samples), 1):
        exposures = _begun(verdict.exposures.stretches, since, until)
        over_mutes = _begun(verdict.over_mutes.stretches, since, until)
        report.notes.append(_line(minute, since, until, exposures, over_mutes))
    _judge(report, samples)
    return [report]


_HEAD = (
    f"{'minute':>6}{'calls/s':>9}{'sections/s':>12}{'memory':>12}{'files':>7}{'tasks':>7}{'waiting':>9}{'unread':>8}"
    f"{'processor':>11}{'exposure p50':>14}{'p99':>9}{'worst':>9}{'over-mute p99':>15}{'worst':>9}"
)


def _line(
    minute: int, since: Sample, until: Sample, exposures: Iterable[Stretch], over_mutes: Iterable[Stretch]
) -> str:
    lasted_s = until.at - since.at
    exposed, muted = Spread.of(exposures), Spread.of(over_mutes)
    return (
        f"{minute:>6}{(until.calls - since.calls) / lasted_s:>9.1f}"
        f"{(until.sections - since.sections) / lasted_s:>12.2f}{until.memory_mib:>8.1f} MiB{until.files:>7}"
        f"{until.tasks:>7}{until.waiting:>9}{until.unread:>8}{(until.cpu_s - since.cpu_s) / lasted_s:>11.0%}"
        f"{exposed.p50:>12.3f} s{exposed.p99:>7.3f} s{exposed.worst:>7.3f} s{muted.p99:>13.3f} s{muted.worst:>7.3f} s"
    )


async def _sample(on: World) -> Sample:
    pid, metrics = on.daemon.process.pid, await on.metrics()
    waiting = ("wanted", "asked", "releasing")
    groups: Any = await on.outbox.client.xinfo_groups(STREAM)
    return Sample(
        at=on.now,
        calls=on.sim.truth.calls_begun,
        sections=on.sim.truth.verdict().sections,
        memory_mib=memory_mib(pid),
        files=open_files(pid),
        tasks=int(metrics["mute_orchestrator_tasks"]),
        waiting=sum(
            int(metrics[f'mute_orchestrator_mutes_active{{account="main",stage="{stage}"}}']) for stage in waiting
        ),
        unread=sum(group["pending"] + (group["lag"] or 0) for group in groups),
        cpu_s=cpu_s(pid),
    )


def _begun(stretches: Iterable[Stretch], since: Sample, until: Sample) -> list[Stretch]:
    return [stretch for stretch in stretches if since.at <= stretch.began_at < until.at]


def _judge(report: Report, samples: list[Sample]) -> None:
    first, last = samples[min(WARM_MINUTES, len(samples) - 1)], samples[-1]
    lasted_s = last.at - samples[0].at
    calls_s = (last.calls - samples[0].calls) / lasted_s
    sections_s = (last.sections - samples[0].sections) / lasted_s
    report.notes.append(
        f"{calls_s:.1f} calls and {sections_s:.2f} sections a second, {calls_s / CALLS_PER_S:.1f} and"
        f" {sections_s / SECTIONS_PER_S:.1f} times what was to be reached"
    )
    for what, grew, most in (
        ("open files", last.files - first.files, MORE_FILES),
        ("tasks", last.tasks - first.tasks, MORE_TASKS),
    ):
        report.notes.append(f"{what}: {grew:+.1f} since minute {min(WARM_MINUTES, len(samples) - 1)}")
        if grew > most:
            report.problems.append(f"{what} grew by {grew:.1f}")
    half = samples[max(WARM_MINUTES, len(samples) // 2) :]
    if len(half) > SLOPE_MINUTES:
        leak = _leak_mib_an_hour(half)
        report.notes.append(
            f"memory, MiB an hour above what is kept: {leak:+.1f} since minute {len(samples) - len(half)}"
        )
        if leak > LEAK_MIB_AN_HOUR:
            report.problems.append(f"memory grows by {leak:.1f} MiB an hour that nothing explains")


def _leak_mib_an_hour(samples: list[Sample]) -> float:
    """How memory rises, by least squares, less the sections that ended."""
    hours = [sample.at / 3600 for sample in samples]
    unexplained = [sample.memory_mib - KEPT_MIB * sample.sections for sample in samples]
    return linear_regression(hours, unexplained).slope
