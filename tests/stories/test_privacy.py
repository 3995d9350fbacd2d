"""Nothing of a person, and no secret, in what the daemon writes and tells: logs at debug level, metrics, health, the
API, the page, what the CRM is told, the audit."""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from orchestrator.lifetimes import lasting
from orchestrator.simulator import account
from orchestrator.simulator.payloads import CUSTOM_DATA
from orchestrator.simulator.process import account_environ, running
from orchestrator.simulator.publisher import redis_publisher
from orchestrator.simulator.replay import Replay, read_capture
from orchestrator.simulator.run import Shift, centre_of, run
from orchestrator.simulator.settings import VoicenterSettings
from orchestrator.simulator.stage import Stage
from tests.capture import needs_capture, trace
from tests.stories.stage import client

PERSONAL = {
    "userName",
    "callername",
    "callerphone",
    "outgoingcallername",
    "outgoingcallerphone",
    "originalCallerID",
    "originalCallerName",
    "actualDialedNumber",
    "did",
    "number",
    "channel",
    "channel2",
    "AnsweredAgent",
    "transferExtensionName",
    "CallerID",
    "CallerName",
    "callerID",
    "ip",
    "QueueName",
}
"""Fields of Voicenter's events that name a person, a number or a machine."""
ASK_EVERY_S = 0.5
SHORTEST = 5
"""Shorter values, as the queue number 1, occur in any text."""
LONG_NUMBER = 9
"""Digits that no hash and no time has by chance."""


def personal(value: Any) -> Iterator[str]:
    """Every value in the payload that must not be seen outside."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name in PERSONAL and len(str(inner)) >= SHORTEST:
                yield str(inner)
            elif name == "customdata":
                yield from (str(word) for word in inner.values() if len(str(word)) >= SHORTEST)
            else:
                yield from personal(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from personal(inner)


def with_custom_data(payload: Any) -> Any:
    """The payload with some that can be found: that of a capture may be a letter."""
    if isinstance(payload, dict):
        return {name: with_custom_data(inner) for name, inner in payload.items()} | (
            {"customdata": CUSTOM_DATA} if "customdata" in payload else {}
        )
    return [with_custom_data(inner) for inner in payload] if isinstance(payload, list) else payload


async def outside(folder: Path, stage: Stage, shift: Shift) -> str:
    """All that a shift makes the daemon write, and tell to those who ask meanwhile."""
    told: list[bytes] = []
    async with stage:
        environ = account_environ(stage, polling=True) | {"ORCHESTRATOR_LOG__LEVEL": "debug"}
        async with running(folder, environ) as daemon, redis_publisher(daemon.redis_url) as publish:
            await publish(b'{"type": "sensitive_section.started", "card": "4580458045804580"}')
            async with aiohttp.ClientSession(daemon.http_url) as http, lasting(_follow(http, told), _ask(http, told)):
                await run(stage, shift, publish)
            pages = [(await daemon.get(path))[1] for path in ("/livez", "/readyz", "/metrics")]
            async with client(daemon) as redis:
                streams = [str(await redis.xrange(f"mute:{{main}}:{name}")) for name in ("status", "audit")]
        files = [path.read_text() for path in (folder / "data" / "audit").iterdir()]
        return "".join([daemon.text(), b"".join(told).decode(), *pages, *streams, *files])


async def _follow(http: aiohttp.ClientSession, told: list[bytes]) -> None:
    async with http.get("/v1/page/stream", timeout=aiohttp.ClientTimeout(total=None)) as stream:
        async for chunk in stream.content.iter_any():
            told.append(chunk)  # noqa: PERF401 - kept also when this is cancelled, which is how it ends


async def _ask(http: aiohttp.ClientSession, told: list[bytes]) -> None:
    """How all stands, and the story of each call, again and again."""

    async def found(path: str) -> Any:
        async with http.get(path) as response:
            told.append(await response.read())
            return await response.json(content_type=None)

    while True:
        for section in (await found("/v1/sections"))["sections"]:
            await found(f"/v1/sections/{section['section_id']}")
        for call in (await found("/v1/calls"))["calls"]:
            await found(f"/v1/page/calls/{call['ivrid']}")
            for sip in call["extensions"]:
                await found(f"/v1/extensions/{sip}")
        await asyncio.sleep(ASK_EVERY_S)


def assert_told_of_a_mute(text: str) -> None:
    """By every way that `outside` listens to: else it would prove nothing."""
    assert '"level":"info","event":"call.muted"' in text, "log"
    assert "event: board" in text, "page"
    assert '"timeline": [' in text, "a call's story"
    assert '"online_user_id"' in text, "API"
    assert "mute-orchestrator.section.protected" in text, "status"
    assert "'event': 'call.muted'" in text, "audit in Redis"
    assert 'Z","event":"call.muted"' in text, "audit's files"


def leaked(text: str, values: set[str]) -> list[str]:
    """The fraction of a sum of seconds may have any digits, those of a number too. So may a hash, the id of a request
    and a time in ms have those of a short one, which therefore counts as a word of its own."""
    whole = re.sub(r"(?<=\d)\.\d+", "", text)
    words = set(re.findall(r"[0-9A-Za-z]+", whole))

    def is_in(value: str) -> bool:
        if value.isdigit() and len(value) < LONG_NUMBER:
            return value in words
        return value in (text if "." in value else whole)

    return sorted(filter(is_in, values))


def test_a_number_is_found_wherever_it_stands_but_where_any_digits_may_be() -> None:
    assert leaked('{"phone": "0000000002"}', {"0000000002"}) == ["0000000002"]
    assert leaked('"said":"a0000000002b"', {"0000000002"}) == ["0000000002"]
    assert leaked("seconds_sum 4.47000000000002", {"0000000002"}) == []
    assert leaked("number=123456, it", {"123456"}) == ["123456"]
    assert leaked("hash cafe123456cafe at 1234567890123-0", {"123456"}) == []
    assert leaked("at 10.1.2.3 it", {"10.1.2.3"}) == ["10.1.2.3"]


async def test_a_generated_centre(tmp_path: Path) -> None:
    stage = centre_of(12, settings=VoicenterSettings(token_life_s=8.0))
    text = await outside(tmp_path, stage, Shift(duration_s=6.0))
    assert_told_of_a_mute(text)
    assert '"event":"crm.message.rejected"' in text
    phones = {account.caller(number).phone for number in range(1, 1000)}
    told = {"Caller ", "Agent ", "SIP/", "4580458045804580", stage.settings.token, *CUSTOM_DATA.values()} | phones
    assert leaked(text, told) == []


@needs_capture
@pytest.mark.timeout(180)
async def test_a_whole_capture(tmp_path: Path) -> None:
    records = [replace(record, data=with_custom_data(record.data)) for record in read_capture(trace())]
    values = set(personal([record.data for record in records]))
    assert len(values) > 100
    assert set(CUSTOM_DATA.values()) < values
    stage = Replay(records, speed=400.0)
    text = await outside(tmp_path, stage, Shift())
    assert_told_of_a_mute(text)
    assert leaked(text, values | {stage.settings.token}) == []
