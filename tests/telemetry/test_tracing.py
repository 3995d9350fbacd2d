"""Traces: one from what the CRM said to the confirmation, in spans that lie in one another."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NoReturn

import pytest
from aiohttp import web

from orchestrator.core.claims import Verdict
from orchestrator.core.model import CoverReason, EndCause, OnExtension, Section
from orchestrator.core.notices import (
    CallCovered,
    CallExposed,
    CallGone,
    CallMuted,
    CallUnmuted,
    Notice,
    SectionClosed,
    SectionOpened,
)
from orchestrator.engine.notices import AttemptMade, EdgeNotice, MessageTaken, Traced
from tests.stories.stage import stage
from tests.telemetry.notices import EVERY

pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="needs the extra otel")

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from orchestrator.telemetry import tracing as traces

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01"
T0 = 1_000_000.0
PAY = Section("pay", OnExtension("s1"), started_at=T0 + 0.5, renewed_at=T0, expires_at=T0 + 900)


class Traces:
    """Notices in, spans out."""

    def __init__(self) -> None:
        self.at = T0 + 0.5
        self._spans = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self._spans))
        self.tracing = traces.Tracing(provider.get_tracer("test"), self, lambda _s, _call: None)

    def now(self) -> float:
        return self.at

    def tell(self, *notices: Notice | EdgeNotice, after_s: float = 0.0) -> None:
        self.at += after_s
        for notice in notices:
            self.tracing.of("main").notice(notice)
        self.tracing.turn()

    def ended(self, name: str) -> list[Any]:
        return [span for span in self._spans.get_finished_spans() if span.name == name]


@pytest.fixture
def on() -> Traces:
    return Traces()


def covered(section_id: str = "pay") -> CallCovered:
    return CallCovered("c1", section_id, "s1", CoverReason.LEG)


def seconds(span: Any) -> tuple[float, float]:
    return (span.start_time / 1e9 - T0, span.end_time / 1e9 - T0)


def test_a_section_its_call_and_its_requests_lie_in_one_another(on: Traces) -> None:
    # the section opens while the message is delivered, and the message is told of after that
    on.tell(SectionOpened(PAY), covered(), MessageTaken("s", "started", 0.5, Traced("pay", PARENT)))
    on.tell(AttemptMade("c1", None, True, Verdict.BUSY, 0.1), after_s=0.1)
    on.tell(
        AttemptMade("c1", None, True, Verdict.DONE, 0.1),
        CallMuted("c1", frozenset({"pay"}), 0.3, 2, "a1"),
        after_s=0.2,
    )
    on.tell(SectionClosed(PAY, EndCause.MESSAGE, T0 + 9), after_s=8.2)
    (section,), (mute,), requests = on.ended("section"), on.ended("mute"), on.ended("request")
    assert f"{section.context.trace_id:032x}" == TRACE
    assert f"{section.parent.span_id:016x}" == SPAN
    assert mute.parent.span_id == section.context.span_id
    assert [request.parent.span_id for request in requests] == [mute.context.span_id] * 2
    assert seconds(section) == pytest.approx((0.0, 9.0))  # from when it was said
    assert seconds(mute) == pytest.approx((0.5, 0.8))
    assert seconds(requests[0]) == pytest.approx((0.5, 0.6))
    assert [request.attributes["verdict"] for request in requests] == ["busy", "done"]
    assert section.attributes == {"account": "main", "section_id": "pay", "extension": "s1", "cause": "message"}
    assert mute.attributes["exposure_ms"] == 300


def test_a_section_of_which_the_crm_names_no_trace_begins_one(on: Traces) -> None:
    on.tell(SectionOpened(PAY), MessageTaken("s", "started"), SectionClosed(PAY, EndCause.MESSAGE, T0))
    (section,) = on.ended("section")
    assert section.parent is None


def test_a_call_that_is_muted_already_is_so_from_the_first_moment_of_another_cover(on: Traces) -> None:
    on.tell(SectionOpened(PAY), covered(), CallMuted("c1", frozenset({"pay"}), 0.1, 1, "a1"))
    other = Section("other", OnExtension("s1"), T0, T0, T0 + 900)
    on.tell(SectionOpened(other), covered("other"), after_s=1.0)
    assert len(on.ended("mute")) == 2
    on.tell(CallUnmuted("c1", 0.1, 1, "a2"), covered("other"), after_s=1.0)
    assert len(on.ended("mute")) == 2


def test_a_call_that_was_never_muted_is_an_error(on: Traces) -> None:
    on.tell(
        SectionOpened(PAY), covered(), CallExposed("c1", 9.0), SectionClosed(PAY, EndCause.MESSAGE, T0), after_s=9
    )
    (mute,) = on.ended("mute")
    assert not mute.status.is_ok
    assert mute.end_time is not None


def test_nothing_is_kept_of_what_is_over(on: Traces) -> None:
    on.tell(SectionOpened(PAY), covered(), CallMuted("c1", frozenset({"pay"}), 0.1, 1, "a1"))
    on.tell(SectionClosed(PAY, EndCause.MESSAGE, T0), CallUnmuted("c1", 0.1, 1, "a2"))
    on.tell(SectionOpened(PAY), covered(), CallGone("c1"), SectionClosed(PAY, EndCause.MESSAGE, T0))
    assert on.tracing._calls == {}
    assert on.tracing._sections == {}


def test_what_is_kept_is_bounded(on: Traces, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traces, "MOST_CALLS", 3)
    for number in range(10):
        on.tell(CallMuted(f"c{number}", frozenset(), 0.1, 1, ""))
    assert [ivrid for _, ivrid in on.tracing._calls] == ["c7", "c8", "c9"]


def test_a_section_that_closes_looks_at_its_own_calls_alone(on: Traces) -> None:
    """Of a thousand that close at once each would hold the loop for all the others."""

    class Looked(dict[tuple[str, str], Any]):
        def items(self) -> NoReturn:
            raise AssertionError("all calls are gone through")

    on.tell(SectionOpened(PAY), covered(), CallMuted("c2", frozenset(), 0.1, 1, "a1"))
    on.tracing._calls = Looked(on.tracing._calls)
    on.tell(SectionClosed(PAY, EndCause.MESSAGE, T0))
    assert [ivrid for _, ivrid in on.tracing._calls] == ["c2"]
    (mute,) = on.ended("mute")
    assert mute.end_time is not None


def test_any_notice_may_come(on: Traces) -> None:
    on.tell(*EVERY, *EVERY)


@asynccontextmanager
async def collecting() -> AsyncIterator[tuple[str, list[Any]]]:
    """A collector that speaks OTLP over HTTP: its address, and the spans that came."""
    spans: list[Any] = []

    async def take(request: web.Request) -> web.Response:
        sent = ExportTraceServiceRequest.FromString(await request.read())
        spans.extend(
            span for resource in sent.resource_spans for scope in resource.scope_spans for span in scope.spans
        )
        answer = ExportTraceServiceResponse().SerializeToString()
        return web.Response(body=answer, content_type="application/x-protobuf")

    app = web.Application()
    app.router.add_post("/v1/traces", take)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1/traces", spans
    finally:
        await runner.cleanup()


async def test_a_collector_gets_the_trace_that_the_crm_began(tmp_path: Path) -> None:
    async with collecting() as (url, spans):
        async with stage(tmp_path, ORCHESTRATOR_TRACES__OTLP_URL=url) as on:
            await on.sim.talk("caller", "SIPSIP1")
            on.sim.truth.section_started("pay", max_s=900.0, extension="SIPSIP1")
            envelope = {"specversion": "1.0", "source": "/crm", "id": "1", "traceparent": PARENT}
            data = {"section_id": "pay", "extension": "SIPSIP1"}
            await on.publish({**envelope, "type": "sensitive_section.started", "data": data})
            await on.muted("caller")
            await on.form_closes("pay")
            await on.muted()
            assert await on.daemon.stop() == 0
        await asyncio.sleep(0)
    by_name = {span.name: span for span in spans}
    section, mute, request = by_name["section"], by_name["mute"], by_name["request"]
    assert {span.trace_id.hex() for span in spans} == {TRACE}
    assert section.parent_span_id.hex() == SPAN
    assert mute.parent_span_id == section.span_id
    assert request.parent_span_id == mute.span_id


async def test_a_collector_that_is_away_changes_nothing(tmp_path: Path) -> None:
    async with stage(tmp_path, ORCHESTRATOR_TRACES__OTLP_URL="http://127.0.0.1:9/v1/traces") as on:
        await on.sim.talk("caller", "SIPSIP1")
        await on.form_opens("pay", extension="SIPSIP1")
        await on.muted("caller")
        await on.form_closes("pay")
        await on.muted()
        on.verdict()
        assert await on.daemon.stop() == 0
