"""A feed that is cut, half-open, late, refused, while sections run and calls come and go: with polling and without.

What the feed does not tell is found by asking for each extension with a section every 5 s (Active Calls), or muted by
extension as often: no call may be open for longer than that and what it takes with a feed that works.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from tests.stories.stage import until
from tests.torture.judge import Report
from tests.torture.load import Size
from tests.torture.world import BACK_S, PROMPT_S, World, world

LOOKS_EVERY_S = 5.0
"""`policy.verify_seconds`."""
DELAY_S = 3.0
SETTLED_S = 11.0
"""A connection that has stood for 10 s was good: when it is lost, the way back starts at once."""
BACK_WITHIN_S = 40.0
"""The pause between two attempts to connect grows to 30 s."""

Broken = Callable[[World, float], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def _reset(on: World, _for_s: float) -> AsyncIterator[None]:
    await on.feed.cut()
    yield


@asynccontextmanager
async def _ended(on: World, _for_s: float) -> AsyncIterator[None]:
    await on.feed.cut(reset=False)
    yield


@asynccontextmanager
async def _half_open(on: World, for_s: float) -> AsyncIterator[None]:
    on.feed.hold()
    await asyncio.sleep(for_s)
    yield
    on.feed.let_go()


@asynccontextmanager
async def _deaf(on: World, for_s: float) -> AsyncIterator[None]:
    """Only what the server says is lost on the way."""
    on.feed.down.hold()
    await asyncio.sleep(for_s)
    yield
    on.feed.down.let_go()


@asynccontextmanager
async def _late(on: World, for_s: float) -> AsyncIterator[None]:
    on.feed.down.delay_s = DELAY_S
    await asyncio.sleep(for_s)
    yield
    on.feed.down.delay_s = 0.0


@asynccontextmanager
async def _refused(on: World, for_s: float) -> AsyncIterator[None]:
    await on.feed.refuse()
    await on.feed.cut()
    await asyncio.sleep(for_s)
    yield
    await on.feed.accept()


FAULTS: dict[str, tuple[Broken, float]] = {
    "cut by RST": (_reset, LOOKS_EVERY_S + PROMPT_S),
    "cut by FIN": (_ended, LOOKS_EVERY_S + PROMPT_S),
    "half-open": (_half_open, LOOKS_EVERY_S + PROMPT_S),
    "half-open, downwards": (_deaf, LOOKS_EVERY_S + PROMPT_S),
    "3 s late": (_late, DELAY_S + PROMPT_S),
    "refused": (_refused, LOOKS_EVERY_S + PROMPT_S),
}


async def play(folder: Path, seed: int, outage_s: float, only: frozenset[str] | None = None) -> list[Report]:
    return [
        await _play(folder / "polling", seed, outage_s, only, polling=True),
        await _play(folder / "blind", seed + 1, outage_s, only, polling=False),
    ]


async def _play(folder: Path, seed: int, outage_s: float, only: frozenset[str] | None, *, polling: bool) -> Report:
    usual_s = PROMPT_S if polling else LOOKS_EVERY_S + PROMPT_S
    async with world(folder, seed, size=Size(agents=16, plain=True), polling=polling) as on:
        await asyncio.sleep(min(SETTLED_S, outage_s))
        for name, (broken, bound_s) in FAULTS.items():
            if only is not None and name not in only:
                continue
            with on.fault(f"feed {name}", max(bound_s, usual_s)):
                async with broken(on, outage_s):
                    pass
                await _back(on, name)
            await asyncio.sleep(BACK_S)
        await on.quiet()
        await asyncio.sleep(1.0)
        return on.report(f"feed, {'with' if polling else 'without'} polling", usual_s)


async def _back(on: World, name: str) -> None:
    async def ready() -> bool:
        return not await on.readiness()

    try:
        await until(ready, BACK_WITHIN_S)
    except AssertionError:
        on.problems.append(f"{name}: not synced again within {BACK_WITHIN_S:.0f} s: {await on.readiness()}")
