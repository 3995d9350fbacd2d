"""Webhooks: what is signed right has its effect, once."""

import base64
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from standardwebhooks.webhooks import Webhook

from orchestrator.engine.notices import RequestRefused
from orchestrator.web import api, webhooks
from orchestrator.web.ports import Handed, Unfit
from orchestrator.web.webhooks import SIGNED_WITHIN_S, Webhooks
from tests.web.desk import FakeDesk, Got, Site, refusal, site

SECRET, OLD, OTHER = (f"whsec_{base64.b64encode(letter * 32).decode()}" for letter in (b"a", b"b", b"c"))
BODY = json.dumps({"type": "sensitive_section.ended", "section_id": "pay"})


@dataclass
class Hand:
    """A clock that is set by hand."""

    at: float = 1000.0

    def now(self) -> float:
        return self.at


def hooks(*secrets: str) -> Webhooks:
    return Webhooks(secrets or (SECRET,), Hand())


def signed(name: str = "msg_1", ago_s: float = 0.0, secret: str = SECRET, body: str = BODY) -> dict[str, str]:
    at = int(time.time() - ago_s)
    signature = Webhook(secret).sign(name, datetime.fromtimestamp(at, UTC), body)
    return {
        "Content-Type": "application/json",
        "webhook-id": name,
        "webhook-timestamp": str(at),
        "webhook-signature": signature,
    }


async def sent(on: Site, headers: dict[str, str], body: str = BODY) -> Got:
    return await on.ask("POST", "/v1/webhooks", data=body.encode("utf-8", "surrogateescape"), headers=headers)


async def test_a_message_that_is_signed_is_taken_with_the_id_of_the_webhook() -> None:
    async with site(webhooks=hooks()) as on:
        got = await sent(on, signed())
        assert (got.status, got.text) == (204, "")
        assert on.desk.handed_in == [("take", BODY.encode(), "msg_1")]


async def test_a_cloud_event_may_say_what_it_is() -> None:
    async with site(webhooks=hooks()) as on:
        headers = signed() | {"Content-Type": "application/cloudevents+json; charset=utf-8"}
        assert (await sent(on, headers)).status == 204


async def test_while_secrets_rotate_each_of_them_holds_and_so_does_each_signature() -> None:
    async with site(webhooks=hooks(SECRET, OLD)) as on:
        assert (await sent(on, signed("a", secret=OLD))).status == 204
        both = signed("b", secret=OTHER)
        both["webhook-signature"] += f" {signed('b')['webhook-signature']}"
        assert (await sent(on, both)).status == 204
        assert (await sent(on, signed("c", secret=OTHER))).status == 401


@pytest.mark.parametrize("ago_s", [SIGNED_WITHIN_S + 5, -SIGNED_WITHIN_S - 5])
async def test_one_that_was_signed_at_another_time_is_refused(ago_s: float) -> None:
    async with site(webhooks=hooks()) as on:
        assert (await sent(on, signed(ago_s=ago_s))).status == 401
        assert (await sent(on, signed(ago_s=ago_s * 0.9))).status == 204


@pytest.mark.parametrize(
    ("wrong", "body"),
    [
        ({"webhook-signature": ""}, BODY),
        ({"webhook-signature": "v1"}, BODY),
        ({"webhook-signature": "v1,not base64!"}, BODY),
        ({"webhook-signature": "v1,AAAA,AAAA"}, BODY),
        ({"webhook-signature": "v2,AAAA"}, BODY),
        ({"webhook-signature": "v1,AAAA v1,AAAA"}, BODY),
        ({"webhook-timestamp": ""}, BODY),
        ({"webhook-timestamp": "nan"}, BODY),
        ({"webhook-timestamp": "inf"}, BODY),
        ({"webhook-timestamp": "now"}, BODY),
        ({"webhook-id": ""}, BODY),
        ({"webhook-id": "msg_2"}, BODY),
        ({}, BODY + " "),
        ({}, ""),
        ({}, "\udcff"),
    ],
)
async def test_what_is_not_signed_so_is_401_and_says_what_is_needed(wrong: dict[str, str], body: str) -> None:
    async with site(webhooks=hooks()) as on:
        got = await sent(on, signed() | wrong, body)
        assert got.status == 401
        assert got.document["title"] == "Unauthorized"
        assert "webhook-signature" in got.document["detail"]
        assert not on.desk.handed_in
        assert RequestRefused("webhook not verified") in on.book.told


async def test_without_headers_it_is_401_too() -> None:
    async with site(webhooks=hooks()) as on:
        assert (await sent(on, {"Content-Type": "application/json"})).status == 401


async def test_without_a_secret_none_is_taken_and_it_is_said_what_to_configure() -> None:
    async with site() as on:
        got = await on.problem(403, "POST", "/v1/webhooks", data=BODY, headers=signed())
        assert "http.webhook_secrets" in got.document["detail"]


async def test_they_need_no_token_and_no_loopback() -> None:
    async with site(webhooks=hooks(), host="0.0.0.0") as on:
        assert (await sent(on, signed())).status == 204


async def test_one_that_is_sent_again_has_its_effect_once_and_the_same_answer() -> None:
    """A sender that heard no answer sends it again, signed anew; so does somebody who listened, signed as it was."""
    async with site(webhooks=hooks()) as on:
        for headers in (signed(), signed(), signed(ago_s=60)):
            assert (await sent(on, headers)).status == 204
        assert len(on.desk.handed_in) == 1


async def test_one_that_redis_does_not_have_yet_is_to_be_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "SAVED_WITHIN_S", 0.02)
    async with site(webhooks=hooks()) as on:
        on.desk.redis.clear()
        for _ in range(2):
            got = await sent(on, signed())
            assert (got.status, got.headers["Retry-After"]) == (503, "1")
        on.desk.redis.set()
        assert (await sent(on, signed())).status == 204
        assert len(on.desk.handed_in) == 1


async def test_one_that_was_refused_may_come_again() -> None:
    async with site(FakeDesk(refuses=refusal(Unfit)), webhooks=hooks()) as on:
        assert (await sent(on, signed())).status == 400
        on.desk.refuses = None
        assert (await sent(on, signed())).status == 204


async def test_an_id_that_could_not_stand_in_a_log_is_refused() -> None:
    async with site(webhooks=hooks()) as on:
        assert (await sent(on, signed("x" * 129))).status == 400


async def kept() -> None:
    """At once."""


HANDED = Handed("main", kept)


class TestMemory:
    def test_it_holds_as_long_as_a_signature_may(self) -> None:
        clock = Hand()
        hooks = Webhooks((SECRET,), clock)
        hooks.remember("a", HANDED)
        clock.at += 2 * SIGNED_WITHIN_S
        hooks.remember("b", HANDED)
        assert hooks.taken("a") is HANDED
        clock.at += 1
        hooks.remember("c", HANDED)
        assert hooks.taken("a") is None
        assert hooks.taken("b") is HANDED

    def test_it_is_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(webhooks, "MOST_REMEMBERED", 3)
        hooks = Webhooks((SECRET,), Hand())
        names: Sequence[str] = [str(number) for number in range(5)]
        for name in names:
            hooks.remember(name, HANDED)
        assert [name for name in names if hooks.taken(name)] == ["2", "3", "4"]
