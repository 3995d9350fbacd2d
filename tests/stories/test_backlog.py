"""A CRM whose messages are kept: what it said while the daemon was away, in a Redis that was there all along."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from orchestrator.simulator.process import DaemonProcess, account_environ, running
from orchestrator.simulator.publisher import NAMES, By, redis_publisher
from orchestrator.simulator.run import Shift, centre_of, run
from orchestrator.simulator.settings import VoicenterSettings
from orchestrator.simulator.simulation import Simulation
from tests.stories.stage import BOUND_S, Stage, dead_letters, until
from tests.valkey import Valkey

A = "SIPSIP1"
STREAM, LIST, GROUP = "crm:sensitive", "crm:list", "mute-orchestrator"


class DurableStage(Stage):
    """Its CRM speaks on a stream or a list."""

    way = STREAM

    async def publish(self, message: Mapping[str, object], channel: str = "") -> None:
        await self.publish_at_once((message,))

    async def publish_at_once(self, messages: Iterable[Mapping[str, object]]) -> None:
        async with self.crm.pipeline(transaction=False) as pipe:
            for message in messages:
                text = json.dumps(message)
                if self.way == STREAM:
                    pipe.xadd(STREAM, {"data": text})
                else:
                    pipe.lpush(LIST, text)
            await pipe.execute()

    async def unread(self) -> int:
        """Messages that the CRM has said, and that are not done with."""
        if self.way == LIST:
            return int(await self.crm.llen(LIST)) + int(await self.crm.llen(f"{LIST}:taken"))
        return int((await self.crm.xpending(STREAM, GROUP))["pending"])

    @property
    def releases(self) -> int:
        """How many requests to open a recording were made in all."""
        return sum(not line["muted"] for line in self.daemon.lines("api.attempt"))


@asynccontextmanager
async def stage(folder: Path, valkey: Valkey, crm: Redis, way: str = STREAM) -> AsyncIterator[DurableStage]:
    async with Simulation(agents=4) as sim:
        environ = {
            "ORCHESTRATOR_LOG__LEVEL": "debug",
            "ORCHESTRATOR_REDIS__URL": valkey.url,
            "ORCHESTRATOR_CRM__LISTS": LIST,
        }
        daemon = DaemonProcess(folder, environ | account_environ(sim, polling=True))
        on = DurableStage(sim, daemon, crm)
        on.way = way
        try:
            await daemon.start()
            yield on
        finally:
            if daemon.alive:
                await daemon.stop()


@pytest.mark.parametrize("way", [STREAM, LIST])
async def test_a_call_that_a_backlog_covers_again_is_not_opened_in_between(
    tmp_path: Path, valkey: Valkey, redis: Redis, way: str
) -> None:
    async with stage(tmp_path, valkey, redis, way) as on:
        await on.sim.talk("caller", A)
        await on.form_opens("first", extension=A)
        await on.confirmed("caller")
        await on.daemon.kill()
        await on.form_closes("first")
        await on.publish_at_once(  # so that there is time for a request between the two
            {"type": "sensitive_section.ended", "section_id": f"other-{number}"} for number in range(500)
        )
        await on.form_opens("second", extension=A)
        await on.daemon.start()
        await until(lambda: _started(on, "second"))
        await until(lambda: _nothing_unread(on))
        assert on.sim.truth.muted("caller")
        assert on.releases == 0
        await on.form_closes("second")
        await on.muted()
        on.verdict()
        await until(lambda: on.releases == 1)


def _started(on: DurableStage, section_id: str) -> bool:
    return section_id in [line["section_id"] for line in on.daemon.lines("section.started")]


async def _problems(on: DurableStage, expected: dict[str, str]) -> bool:
    _, text = await on.daemon.get("/readyz")
    return bool(json.loads(text)["problems"] == expected)


async def _nothing_unread(on: DurableStage) -> bool:
    return await on.unread() == 0


async def test_what_ended_while_the_daemon_was_down_is_released_once_the_backlog_is_through(
    tmp_path: Path, valkey: Valkey, redis: Redis
) -> None:
    async with stage(tmp_path, valkey, redis) as on:
        await on.sim.talk("caller", A)
        await on.form_opens("pay", extension=A)
        await on.confirmed("caller")
        assert await on.daemon.stop() == 0
        await on.form_closes("pay")
        await on.daemon.start()
        await on.muted()
        verdict = on.sim.truth.verdict()
        assert verdict.left_muted == verdict.left_open == ()
        await until(lambda: on.releases >= 1)  # by extension too, if the feed is not synced by then


async def test_killed_between_delivery_and_acknowledgement_it_takes_over_and_does_nothing_twice(
    tmp_path: Path, valkey: Valkey, redis: Redis
) -> None:
    async with stage(tmp_path, valkey, redis) as on:
        await on.sim.talk("caller", A)
        await redis.execute_command("ACL", "SETUSER", "default", "-xack")  # type: ignore[no-untyped-call]  # redis-py's
        await on.form_opens("pay", extension=A)
        await on.confirmed("caller")
        await on.daemon.kill()
        assert await on.unread() == 1
        await redis.execute_command("ACL", "SETUSER", "default", "+xack")  # type: ignore[no-untyped-call]  # redis-py's
        await on.daemon.start()
        await until(lambda: _nothing_unread(on))
        await on.form_closes("pay")
        await on.muted()
        assert len(on.daemon.lines("section.started")) == 1
        assert not on.daemon.lines("section.renewed")
        assert {line["why"] for line in on.daemon.lines("section.ignored")} == {"a copy of a message taken before"}
        on.verdict()
        await until(lambda: on.releases == 1)


@pytest.mark.parametrize("by", [By.STREAM, By.LIST])
async def test_a_busy_centre_whose_crm_speaks_on_what_keeps_messages(tmp_path: Path, by: By) -> None:
    centre = centre_of(12, settings=VoicenterSettings(api_latency_s=(0.03, 0.12), feed_lag_s=0.6))
    async with centre:
        environ = account_environ(centre, polling=True) | {"ORCHESTRATOR_CRM__LISTS": NAMES[By.LIST]}
        async with running(tmp_path, environ) as daemon, redis_publisher(daemon.redis_url, by) as publish:
            verdict = await run(centre, Shift(duration_s=4.0), publish)
    assert verdict.calls_covered > 0
    assert verdict.left_muted == verdict.left_open == ()
    assert verdict.ok(BOUND_S), verdict


async def test_a_stream_that_cannot_be_read_holds_releases_up_for_10_seconds_at_most(
    tmp_path: Path, valkey: Valkey, redis: Redis
) -> None:
    async with stage(tmp_path, valkey, redis, LIST) as on:
        await on.sim.talk("caller", A)
        await on.form_opens("pay", extension=A)
        await on.confirmed("caller")
        assert await on.daemon.stop() == 0
        await redis.delete(STREAM)
        await redis.set(STREAM, "not a stream")
        await on.form_closes("pay")
        starting = asyncio.ensure_future(on.daemon.start())  # it is never ready
        try:
            await until(lambda: bool(on.daemon.lines("section.ended")))
            unheard = {"crm": f"messages are not heard from stream:{STREAM}"}
            await until(lambda: _problems(on, unheard))
            assert on.sim.truth.muted("caller")
            await until(lambda: not on.sim.truth.muted("caller"), within_s=15)
        finally:
            starting.cancel()
        assert [line["why"] for line in on.daemon.lines("crm.lost")] == ["the key in Redis is of another type"]


async def test_the_content_of_a_wrong_message_reaches_the_dead_letters_alone(
    tmp_path: Path, valkey: Valkey, redis: Redis
) -> None:
    async with stage(tmp_path, valkey, redis) as on:
        await redis.xadd(STREAM, {"data": '{"card": "4580458045804580"}'})
        await redis.xadd(STREAM, {"4580458045804580": "x"})
        await redis.lpush(LIST, "4580458045804580")
        await until(lambda: dead_letters(redis, 3))
        await until(lambda: len(on.daemon.lines("crm.message.rejected")) == 3)
        pages = [(await on.daemon.get(path))[1] for path in ("/livez", "/readyz", "/metrics")]
    assert "4580458045804580" not in on.daemon.text() + "".join(pages)
    assert "4580458045804580" in repr(await redis.xrange("mute:dead-letters"))
    others = [key for key in await redis.keys("mute:*") if key != b"mute:dead-letters"]
    assert "4580458045804580" not in repr([await _content(redis, key) for key in others])


async def _content(redis: Redis, key: bytes | str) -> Any:
    match await redis.type(key):
        case b"stream":
            return await redis.xrange(key)
        case b"hash":
            return await redis.hgetall(key)
        case _:
            return await redis.smembers(key)
