"""Notices when the wall clock steps, and tells: our own time does not follow, but whoever reads logs must know."""

import asyncio
from typing import NoReturn

from orchestrator.clock import WallClock
from orchestrator.engine.notices import ClockStepped
from orchestrator.engine.ports import Observer

LOOK_EVERY_S = 2.0


async def watch(clock: WallClock, observer: Observer) -> NoReturn:
    ahead_s = clock.ahead_s
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        before_s, ahead_s = ahead_s, clock.ahead_s
        if ahead_s != before_s:
            observer.notice(ClockStepped(ahead_s - before_s))
