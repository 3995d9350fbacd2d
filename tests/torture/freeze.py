"""The daemon stands still (SIGSTOP) for seconds, as a machine that swaps or is moved does, and goes on."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

from tests.torture.judge import Report
from tests.torture.world import BACK_S, world


async def play(folder: Path, seed: int, frozen_s: Iterable[float]) -> list[Report]:
    async with world(folder, seed) as on:
        await asyncio.sleep(2.0)
        for seconds in frozen_s:
            with on.fault(f"frozen for {seconds:.0f} s", BACK_S):
                on.freeze()
                on.goes_down()
                await asyncio.sleep(seconds)
                on.thaw()
                await on.ready()
            await asyncio.sleep(BACK_S)
            await on.compared()
        await on.quiet()
        await asyncio.sleep(1.0)
        return [on.report("freeze")]
