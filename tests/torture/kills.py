"""kill -9 of the daemon at random moments under load, hundreds of times; it is started again at once.

While it works, while it starts, while it stops as asked, and together with the Valkey that it runs; with a Valkey of
its own and with one beside it, to which the CRM speaks on while the daemon is dead.
"""

import asyncio
import random
from pathlib import Path

from tests.torture.judge import Report
from tests.torture.world import BACK_S, World, world

WORKS_S = (0.0, 1.5)
STARTS_S = (0.0, 2.0)
STOPS_S = (0.0, 0.3)
SETTLED_S = 1.0


async def play(folder: Path, seed: int, kills: int) -> list[Report]:
    """Half of them with an embedded Valkey, half with one beside the daemon."""
    return [
        await _embedded(folder, seed, (kills + 1) // 2),
        await _beside(folder, seed + 1, kills // 2),
    ]


async def _embedded(folder: Path, seed: int, kills: int) -> Report:
    async with world(folder / "embedded", seed, embedded=True) as on:
        await _kill(on, random.Random(seed), kills, ("working", "starting", "stopping", "with its Valkey"))
        return _report(on, "kills, embedded Valkey")


async def _beside(folder: Path, seed: int, kills: int) -> Report:
    async with world(folder / "beside", seed) as on:
        await _kill(on, random.Random(seed), kills, ("working", "starting", "stopping"))
        return _report(on, "kills, Valkey beside")


async def _kill(on: World, chance: random.Random, kills: int, kinds: tuple[str, ...]) -> None:
    await asyncio.sleep(SETTLED_S)
    for number in range(kills):
        kind = kinds[number % len(kinds)]
        before = on.starts
        with on.fault(f"killed {kind}", BACK_S):
            match kind:
                case "working":
                    await asyncio.sleep(chance.uniform(*WORKS_S))
                case "stopping":
                    on.stop()
                    await asyncio.sleep(chance.uniform(*STOPS_S))
                case "starting":
                    on.kill()
                    await on.started_after(before)
                    await asyncio.sleep(chance.uniform(*STARTS_S))
                case _:
                    await asyncio.sleep(chance.uniform(*WORKS_S))
                    on.kill_embedded()
            on.kill()
            await on.ready()
    await asyncio.sleep(SETTLED_S)
    await on.compared()
    await on.quiet()
    await asyncio.sleep(SETTLED_S)


def _report(on: World, scenario: str) -> Report:
    report = on.report(scenario)
    down = sorted(on.downtimes_s[1:])
    if down:
        report.notes.append(
            f"started {on.starts} times; from the kill until ready p50 {down[len(down) // 2]:.2f} s,"
            f" worst {down[-1]:.2f} s"
        )
    return report
