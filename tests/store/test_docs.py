"""docs/redis.md holds: its examples are what the daemon writes, and the rights that it lists are enough."""

import json
import re
from pathlib import Path

import pytest
from redis.asyncio import Redis

from orchestrator.clock import SystemClock
from orchestrator.core.model import FeedState
from orchestrator.core.state import State
from orchestrator.crm.deadletter import DeadLetters
from orchestrator.engine.notices import CrmLost, MessageRejected, StoreLost
from orchestrator.engine.ports import Marks
from orchestrator.redis_clients import reader
from orchestrator.store import codec
from orchestrator.store.keys import Keys
from orchestrator.store.redis_store import RedisStore
from tests.crm.durable import LIST, STREAM, a_list, ended, reading, stream
from tests.store.owner import owning
from tests.store.test_redis_store import extension, fill
from tests.valkey import SOON_S, Heard, Valkey, client_of, running, until

PAGE = (Path(__file__).parents[2] / "docs" / "redis.md").read_text("utf-8")


def again(kind: str, raw: bytes) -> bytes:
    """Read and written once more."""
    match kind:
        case "Leg":
            return codec.leg_to_json(*codec.leg_from_json(raw))
        case "Section":
            return codec.section_to_json(codec.section_from_json(raw))
        case "Ended section":
            return codec.ended_to_json(codec.ended_from_json(raw))
        case "Blind":
            return codec.blind_to_json(codec.blind_from_json(raw))
        case _:
            return codec.mute_to_json(codec.mute_from_json(raw))


@pytest.mark.parametrize("kind", ["Leg", "Section", "Ended section", "Mute", "Blind"])
def test_the_example_is_what_the_daemon_writes(kind: str) -> None:
    found = re.search(rf"^### {kind}\n\n```json\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE)
    assert found
    assert json.loads(again(kind, found[1].encode())) == json.loads(found[1])


async def test_the_rights_listed_are_enough(valkey: Valkey, heard: Heard) -> None:
    found = re.search(r"^ACL SETUSER (.*?)```", PAGE, re.DOTALL | re.MULTILINE)
    assert found
    async with client_of(valkey.url) as admin:
        await admin.execute_command("ACL", "SETUSER", *found[1].split())  # type: ignore[no-untyped-call]  # redis-py's
        url = valkey.url.replace("//", "//mute:password@")
        async with client_of(url) as client, client_of(url) as other, owning(url) as lease:
            state = State(feed=FeedState.SYNCED)
            store = RedisStore(client, "mute", "main", state, SystemClock(), heard, lease)
            letters = DeadLetters(other, "mute", SystemClock())
            await store.load()
            async with running(store.run(), letters.run()):
                for number in (1, 2):
                    store.mark(fill(state))
                    state.extensions["SIPSIP1"] = extension("SIPSIP1", *["ivr-1"][: number % 2])
                    store.mark(Marks(extensions={"SIPSIP1"}))
                    store.record({"event": "call.muted"})
                    letters.keep("s", "w", b"m")
                    assert await store.flushed(SOON_S)
                    state.mutes.clear()
                await lease.release()

                async def kept() -> bool:
                    return await admin.xlen("mute:dead-letters") == 2

                await until(kept)
                await until(lambda: store.healthy)
        await _listens(url)
        await _reads(url, heard, admin)
    assert not heard.of(StoreLost)
    assert not heard.of(CrmLost)


async def _reads(url: str, heard: Heard, crm: Redis) -> None:
    """Good and wrong messages, up to their acknowledgement."""
    for message in (ended("a"), "wrong"):
        await crm.xadd(STREAM, {"data": message})
        await crm.lpush(LIST, message)
    for source in (stream, a_list):
        async with reading(url, heard, source) as (on, taken):
            await until(lambda on=on: on.connected)  # type: ignore[misc]  # a bound argument
            assert taken.sections == ["a"]
            assert await on.backlog.worked_off()
    assert [notice.why for notice in heard.notices if isinstance(notice, MessageRejected)] == [
        "message: not JSON"
    ] * 2


async def _listens(url: str) -> None:
    client = reader(url)
    async with client.pubsub() as pubsub:
        await pubsub.subscribe("crm.sensitive")
        await pubsub.ping()
        for _ in range(2):
            assert await pubsub.get_message(timeout=SOON_S)
    await client.aclose()


def test_every_key_is_listed() -> None:
    keys = Keys("mute", "main")
    of_account = (keys.extensions, keys.sections, keys.ended, keys.mutes, keys.audit, keys.status, keys.owner)
    for name in (*of_account, keys.extension("<sip>"), "mute:dead-letters"):
        assert f"| `{name}` |" in PAGE
