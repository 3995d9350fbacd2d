"""A mute API that refuses, is half-open, hangs, answers nonsense or breaks off after having done what it was asked:
for all calls, where nothing can be done until it is over, and for one call, where no other one may be delayed by it.
And one that is only far away, where everything is done, later by the way.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path

from aiohttp import web

from orchestrator.simulator.api import ApiCall, Cut, Fault, no_fault
from tests.torture.judge import Report
from tests.torture.load import Size
from tests.torture.world import BACK_S, PROMPT_S, World, world

HANGS_S = 30.0


async def _hangs(_call: ApiCall) -> web.StreamResponse:
    await asyncio.sleep(HANGS_S)
    return web.Response(status=504)


async def _fails(_call: ApiCall) -> web.StreamResponse:
    return web.Response(status=500)


async def _is_busy(_call: ApiCall) -> web.StreamResponse:
    return web.Response(status=429)


async def _shows_a_page(_call: ApiCall) -> web.StreamResponse:
    return web.Response(text="<html><body>Down for maintenance</body></html>", content_type="text/html")


async def _breaks_off(_call: ApiCall) -> web.StreamResponse:
    raise Cut


BEFORE: dict[str, Fault] = {
    "hangs": _hangs,
    "answers 500": _fails,
    "answers 429": _is_busy,
    "answers a page": _shows_a_page,
}
AFTER: dict[str, Fault] = {"cuts after having applied": _breaks_off, "hangs after having applied": _hangs}
DELAY_S = 0.3
FAR = f"{DELAY_S} s away each way"
FAR_S = PROMPT_S + 3 * DELAY_S
"""The request before this one for the same call may be on its way there, and must come back first."""


@asynccontextmanager
async def _refuses(on: World) -> AsyncIterator[None]:
    await on.api.refuse()
    await on.api.cut()
    yield
    await on.api.accept()


@asynccontextmanager
async def _half_open(on: World) -> AsyncIterator[None]:
    """What was sent meanwhile is lost."""
    on.api.hold()
    yield
    await on.api.cut()
    on.api.let_go()


WAYS: dict[str, Callable[[World], AbstractAsyncContextManager[None]]] = {"refuses": _refuses, "half-open": _half_open}


async def play(folder: Path, seed: int, outage_s: float, only: frozenset[str] | None = None) -> list[Report]:
    async with world(folder, seed, size=Size(agents=16, plain=True)) as on:
        await asyncio.sleep(3.0)
        for name in (*WAYS, *BEFORE, *AFTER):
            if only is None or name in only:
                with on.fault(f"{name}, all calls", BACK_S, tail_s=BACK_S + 1.0), on.excused():
                    async with _all(on, name):
                        await asyncio.sleep(outage_s)
                await asyncio.sleep(BACK_S + 1.0)
        for name in (*BEFORE, *AFTER):
            if only is None or name in only:
                await _one_call(on, name, outage_s)
        if only is None or FAR in only:
            with on.fault(FAR, FAR_S, tail_s=BACK_S):
                on.api.up.delay_s = on.api.down.delay_s = DELAY_S
                await asyncio.sleep(outage_s)
                on.api.up.delay_s = on.api.down.delay_s = 0.0
            await asyncio.sleep(BACK_S)
        await on.quiet()
        await asyncio.sleep(1.0)
        return [on.report("mute API")]


@asynccontextmanager
async def _all(on: World, name: str) -> AsyncIterator[None]:
    if name in WAYS:
        async with WAYS[name](on):
            yield
        return
    with _broken(on, name, lambda call: True):
        yield
    await on.api.cut()  # what hangs does not hang on


@contextmanager
def _broken(on: World, name: str, hits: Callable[[ApiCall], bool]) -> Iterator[None]:
    """The API does so to the mute requests that are hit."""
    does = {**BEFORE, **AFTER}[name]

    async def hook(call: ApiCall) -> web.StreamResponse | None:
        return await does(call) if call.name == "mute" and hits(call) else None

    faults = on.sim.voicenter.faults
    if name in BEFORE:
        faults.before = hook
    else:
        faults.after = hook
    try:
        yield
    finally:
        faults.before = faults.after = no_fault


async def _one_call(on: World, name: str, outage_s: float) -> None:
    """The first one that is asked for: nothing is promised for it, and all for the others."""
    victims: list[str] = []

    def is_it(call: ApiCall) -> bool:
        ivrid = call.fields.get("ivrid")
        if not victims and isinstance(ivrid, str):
            victims.append(ivrid)
        return bool(victims) and ivrid == victims[0]

    with on.fault(f"{name}, one call", PROMPT_S):
        since = on.now
        with _broken(on, name, is_it):
            await asyncio.sleep(outage_s)
        for victim in victims:
            on.excuse(since, on.now + BACK_S, victim)
    await asyncio.sleep(BACK_S)
