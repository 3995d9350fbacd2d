"""Traces of sections, from what the CRM said to the confirmation of each mute, for whoever collects them by OTLP.

Guarantees: nobody imports this, and nothing is noted, unless traces are asked for; what is noted is turned into spans
a moment later, and sent by a thread of its own, so no mute waits for it; a span holds ids and figures as log lines
do; what is kept is bounded.

A section is a span, a child of the CRM's own where its message names one; each call that it covers is a span in it,
until its mute is confirmed, and each request is one in that.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, Status, StatusCode, Tracer, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from orchestrator.clock import Clock
from orchestrator.core.model import target_fields
from orchestrator.core.notices import (
    CallCovered,
    CallExposed,
    CallGone,
    CallMuted,
    CallUnmuted,
    MuteDrifted,
    MuteForeign,
    Notice,
    SectionClosed,
    SectionOpened,
)
from orchestrator.engine.notices import AttemptMade, EdgeNotice, MessageTaken
from orchestrator.engine.ports import Observer
from orchestrator.telemetry.repeats import Later

TURN_AFTER_S = 0.01
MOST_CALLS = 10_000
"""Of more calls than this the oldest are forgotten: a later cover of one of them looks as if it was not muted yet."""
SEND_WITHIN_S = 2.0
"""Of one attempt to send: longer would hold up stopping."""


@asynccontextmanager
async def open_tracing(url: str, version: str, clock: Clock, later: Later) -> AsyncIterator["Tracing"]:
    """Traces are sent to `url` until left; then what is noted is sent."""
    provider = TracerProvider(resource=Resource({"service.name": "mute-orchestrator", "service.version": version}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=url, timeout=SEND_WITHIN_S)))
    tracing = Tracing(provider.get_tracer("orchestrator"), clock, later)
    try:
        yield tracing
    finally:
        tracing.turn()
        await asyncio.to_thread(provider.shutdown)


@dataclass(slots=True)
class _Call:
    """What is being traced of a call."""

    muted: bool = False
    open: dict[str, Span] = field(default_factory=dict)
    """By section: from covered to confirmed."""


@dataclass(slots=True)
class _Section:
    span: Span
    calls: set[str] = field(default_factory=set)
    """Those that were open when it began to cover them."""


class Tracing:
    """Of the process; `of` gives an observer for an account, or for the process itself."""

    def __init__(self, tracer: Tracer, clock: Clock, later: Later) -> None:
        self._tracer = tracer
        self._clock = clock
        self._later = later
        self._noted: list[tuple[float, str, Notice | EdgeNotice]] = []
        self._sections: dict[tuple[str, str], _Section] = {}
        self._calls: dict[tuple[str, str], _Call] = {}

    def of(self, account: str | None) -> Observer:
        return _Noting(self, account or "")

    def note(self, account: str, notice: Notice | EdgeNotice) -> None:
        if not self._noted:
            self._later(TURN_AFTER_S, self.turn)
        self._noted.append((self._clock.now(), account, notice))

    def turn(self) -> None:
        """What was noted into spans."""
        noted, self._noted = self._noted, []
        parents = {
            notice.trace.section_id: notice.trace.parent
            for _, _, notice in noted
            if isinstance(notice, MessageTaken) and notice.trace is not None
        }
        for at, account, notice in noted:
            self._take(at, account, notice, parents)

    def _take(self, at: float, account: str, notice: Notice | EdgeNotice, parents: Mapping[str, str]) -> None:
        """Most notices are about nothing that is traced."""
        match notice:
            case SectionOpened():
                self._open(at, account, notice, parents.get(notice.section.section_id))
            case SectionClosed():
                self._close(at, account, notice)
            case CallCovered():
                self._cover(at, account, notice)
            case AttemptMade(str(ivrid), _, True, verdict, seconds):
                for span in self._call(account, ivrid).open.values():
                    self._child("request", span, at - seconds, verdict=verdict.value).end(_ns(at))
            case CallMuted(ivrid, _, exposure_s, attempts, action_id):
                figures = {"exposure_ms": round(1000 * (exposure_s or 0.0)), "attempts": attempts}
                self._settle(at, account, ivrid, True, **figures, action_id=action_id)
            case MuteForeign(ivrid):
                self._settle(at, account, ivrid, False, foreign=True)
            case CallGone(ivrid):
                self._settle(at, account, ivrid, False, gone=True)
            case CallExposed(ivrid):
                for span in self._call(account, ivrid).open.values():
                    span.set_status(Status(StatusCode.ERROR, "never muted"))
            case CallUnmuted(ivrid) | MuteDrifted(ivrid):
                self._call(account, ivrid).muted = False
        self._forget(account, getattr(notice, "ivrid", None))

    def _open(self, at: float, account: str, notice: SectionOpened, parent: str | None) -> None:
        section = notice.section
        span = self._tracer.start_span(
            "section",
            _remote(parent),
            start_time=_ns(min(section.renewed_at, at)),  # when it was said
            attributes={"account": account, "section_id": section.section_id, **target_fields(section.target)},
        )
        span.add_event("taken", timestamp=_ns(at))
        self._sections[account, section.section_id] = _Section(span)

    def _close(self, at: float, account: str, notice: SectionClosed) -> None:
        section_id = notice.section.section_id
        section = self._sections.pop((account, section_id), None)
        if section is None:
            return
        for ivrid in section.calls:
            call = self._calls.get((account, ivrid))
            if call is not None and (span := call.open.pop(section_id, None)) is not None:
                span.end(_ns(at))
                self._forget(account, ivrid)
        section.span.set_attribute("cause", notice.cause.value)
        section.span.end(_ns(at))

    def _cover(self, at: float, account: str, notice: CallCovered) -> None:
        section = self._sections.get((account, notice.section_id))
        if section is None:  # an earlier process traced it
            return
        call = self._call(account, notice.ivrid)
        span = self._child("mute", section.span, at, ivrid=notice.ivrid, reason=notice.reason.value)
        if call.muted:  # under another section
            span.end(_ns(at))
        else:
            call.open[notice.section_id] = span
            section.calls.add(notice.ivrid)

    def _settle(self, at: float, account: str, ivrid: str, muted: bool, **figures: str | float) -> None:
        call = self._call(account, ivrid)
        for span in call.open.values():
            span.set_attributes(figures)
            span.end(_ns(at))
        call.open.clear()
        call.muted = muted

    def _call(self, account: str, ivrid: str) -> _Call:
        if len(self._calls) >= MOST_CALLS and (account, ivrid) not in self._calls:
            del self._calls[next(iter(self._calls))]
        return self._calls.setdefault((account, ivrid), _Call())

    def _forget(self, account: str, ivrid: str | None) -> None:
        """Of a call that is neither muted nor waited for there is nothing to keep."""
        if ivrid is not None and (call := self._calls.get((account, ivrid))) and not (call.muted or call.open):
            del self._calls[account, ivrid]

    def _child(self, name: str, of: Span, at: float, **attributes: str) -> Span:
        return self._tracer.start_span(name, set_span_in_context(of), start_time=_ns(at), attributes=attributes)


class _Noting:
    def __init__(self, tracing: Tracing, account: str) -> None:
        self._tracing = tracing
        self._account = account

    def notice(self, notice: Notice | EdgeNotice) -> None:
        self._tracing.note(self._account, notice)


def _remote(parent: str | None) -> Context | None:
    """The CRM's own span, as `traceparent` names it. None: the section begins a trace."""
    return None if parent is None else TraceContextTextMapPropagator().extract({"traceparent": parent})


def _ns(at_s: float) -> int:
    return round(at_s * 1e9)
