"""Ties it together: a generated or replayed account, a CRM beside it, for a time or until told to stop; a verdict.

Guarantees: nothing runs on after `run` or `simulate` returns or is cancelled. At the end no new section begins,
all that run are ended by a message, and the daemon is given `settle_s` to release what it holds before the
verdict is taken. What comes after the verdict does not change it.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from orchestrator.clock import Clock
from orchestrator.simulator import account
from orchestrator.simulator.centre import Centre
from orchestrator.simulator.crm import Crm, Message, Sections
from orchestrator.simulator.floor import Tempo
from orchestrator.simulator.publisher import By, Publish, redis_publisher
from orchestrator.simulator.replay import Replay, read_capture
from orchestrator.simulator.settings import VoicenterSettings
from orchestrator.simulator.simulation import Simulation
from orchestrator.simulator.stage import Stage
from orchestrator.simulator.verdict import Verdict

LOOK_EVERY_S = 0.02


@dataclass(frozen=True, slots=True)
class Shift:
    """One run of the simulator."""

    duration_s: float | None = None
    """None: until `stop` (a replay: until its stream is over)."""
    settle_s: float = 5.0
    """How long the daemon may take, at most, to release everything after the last section ended."""
    tempo: Tempo = field(default_factory=Tempo)
    sections: Sections = field(default_factory=Sections)
    seed: int = 1


def centre_of(agents: int, *, settings: VoicenterSettings | None = None, seed: int = 1) -> Simulation:
    """An account for a generated centre: agents, a spare desk for every ten of them, a queue for every twenty."""
    desks = account.lines(agents, 0.0, spare=1 + agents // 10)
    return Simulation(settings=settings, seed=seed, lines=desks, queues=account.queues(1 + agents // 20))


async def simulate(
    shift: Shift,
    *,
    agents: int = 20,
    settings: VoicenterSettings | None = None,
    capture: Path | None = None,
    speed: float = 1.0,
    redis_url: str | None = None,
    crm_by: By = By.CHANNEL,
    crm_name: str = "",
    ready: Callable[[Stage], None] = lambda _stage: None,
    stop: asyncio.Event | None = None,
) -> Verdict:
    """Listen, call `ready` with the stage, play the shift, and judge.

    With `capture` the account is replayed from it at this speed, else generated with so many agents. With
    `redis_url` a CRM speaks on that Redis. Raises `NotACapture`, `OSError` for a port that is taken, and the
    `RedisError` of a message that could not be published.
    """
    async with AsyncExitStack() as stack:
        stage: Stage
        if capture:
            stage = Replay(read_capture(capture), speed=speed, settings=settings, seed=shift.seed)
        else:
            stage = centre_of(agents, settings=settings, seed=shift.seed)
        publish = await stack.enter_async_context(redis_publisher(redis_url, crm_by, crm_name)) if redis_url else None
        await stack.enter_async_context(stage)
        ready(stage)
        return await run(stage, shift, publish, stop)


async def run(
    stage: Stage,
    shift: Shift,
    publish: Publish | None = None,
    stop: asyncio.Event | None = None,
    then: Callable[[Verdict], Awaitable[None]] | None = None,
) -> Verdict:
    """Play the shift on an entered stage. With `publish`, a CRM announces sections through it. With `then`, account
    and CRM go on after the verdict, until it returns."""
    chance = random.Random(shift.seed)
    centre_chance, crm_chance = (random.Random(chance.random()) for _ in range(2))
    crm = Crm(stage.lines.values, crm_chance, shift.sections, _among(stage))
    crm.open(stage.clock.now())
    try:
        async with asyncio.TaskGroup() as group:
            account_played = group.create_task(_account(stage, shift.tempo, centre_chance))
            announcing = group.create_task(_crm(stage, crm, publish))
            stopped = group.create_task((stop or asyncio.Event()).wait())
            over = (account_played, stopped)
            await asyncio.wait(over, timeout=shift.duration_s, return_when=asyncio.FIRST_COMPLETED)
            announcing.cancel()
            await _say(stage, crm.close(stage.clock.now(), stage.truth.active_sections), publish)
            await _settled(stage, shift.settle_s)
            verdict = stage.truth.verdict()
            if then is not None:
                crm.reopen()
                announcing = group.create_task(_crm(stage, crm, publish))
                await then(verdict)
                announcing.cancel()
            account_played.cancel()
            stopped.cancel()
    except ExceptionGroup as failures:  # the first failure ended the others: it is the one to tell
        raise failures.exceptions[0] from failures
    return verdict


class _Timed(Protocol):
    @property
    def next_at(self) -> float | None: ...


async def _account(stage: Stage, tempo: Tempo, chance: random.Random) -> None:
    if isinstance(stage, Replay):
        await stage.play()
    elif isinstance(stage, Simulation):
        centre = Centre(stage.board, chance, tempo)
        centre.open(stage.clock.now())
        while await _due(centre, stage.clock):
            centre.step(stage.clock.now())


async def _crm(stage: Stage, crm: Crm, publish: Publish | None) -> None:
    if publish is None:
        return
    while await _due(crm, stage.clock):
        await _say(stage, crm.step(stage.clock.now()), publish)


async def _due(what: _Timed, clock: Clock) -> bool:
    """Wait until something is due. False: nothing ever will be."""
    at = what.next_at
    if at is None:
        return False
    await asyncio.sleep(max(0.0, at - clock.now()))
    return True


async def _say(stage: Stage, messages: list[Message], publish: Publish | None) -> None:
    """Each message, plain and as a CloudEvent in turn; the truth hears of it just before the daemon can."""
    for message in messages:
        message.tell(stage.truth)
        if publish:
            await publish(message.plain() if message.number % 2 else message.cloud_event())


def _among(stage: Stage) -> frozenset[str] | None:
    return stage.busiest(8) if isinstance(stage, Replay) else None


async def _settled(stage: Stage, within_s: float) -> None:
    """Wait until the daemon holds nothing any more, or has had its time."""
    give_up = stage.clock.now() + within_s
    while stage.truth.holds and stage.clock.now() < give_up:  # noqa: ASYNC110  # no moment but the last matters
        await asyncio.sleep(LOOK_EVERY_S)
