"""What people do by hand: mute a call, release one, end a section.

Guarantees: each is an ordinary fact, so it is worked off, kept and watched like any other; each is told of with who
did it and why, and so stands in the audit; nothing is ever muted without a section over it, and nothing is opened
that a section covers.
"""

import random
from collections.abc import Mapping
from typing import Protocol

from orchestrator.board.pictures import call_picture
from orchestrator.clock import Clock
from orchestrator.core import view
from orchestrator.core.facts import ReleaseOrdered, SectionEnded, SectionStarted
from orchestrator.core.model import EndCause, OnCall
from orchestrator.desk import Desk, Served, over
from orchestrator.documents import ended_document, running_document
from orchestrator.engine.notices import HandEnded, HandMuted, HandReleased
from orchestrator.engine.ports import Observer
from orchestrator.web.ports import Clash, Document, Handed, Order, Unfit, Unheard


class Watched(Served, Protocol):
    """What is needed of an account."""

    @property
    def observer(self) -> Observer: ...


class Hand:
    """Fulfils `web.ports.Hand`."""

    def __init__(self, desk: Desk, accounts: Mapping[str, Watched], clock: Clock, rng: random.Random) -> None:
        self._desk = desk
        self._accounts = accounts
        self._clock = clock
        self._rng = rng

    def end(self, section_id: str, order: Order) -> Handed:
        of = self._account(order)
        state = of.engine.state
        section, ended = state.sections.get(section_id), state.ended.get(section_id)
        if section is None and ended is not None:
            raise over(ended)
        if section is None:
            raise Unheard("No section of this name is known.")
        now, cause = self._clock.now(), EndCause.OPERATOR
        calls = view.calls(state, section, now)
        of.observer.notice(HandEnded(section_id, tuple(section.calls), order.by, order.why, order.ticket))
        of.engine.learn(SectionEnded(section_id, cause))
        return Handed(of.name, of.store.kept, ended_document(of.name, section, calls, now, cause))

    def mute(self, ivrid: str, max_seconds: float, order: Order) -> Handed:
        of = self._account(order)
        if max_seconds > of.policy.max_section_s:
            raise Unfit(f"max_seconds: not above policy.max_section_seconds ({of.policy.max_section_s:g})")
        self._picture(of, ivrid)
        section_id = f"hand-{self._rng.getrandbits(32):08x}"
        of.observer.notice(HandMuted(ivrid, section_id, order.by, order.why, order.ticket))
        of.engine.learn(SectionStarted(section_id, OnCall(ivrid), max_seconds, order.why))
        section = of.engine.state.sections[section_id]
        document = running_document(of.name, of.engine.state, section, self._clock.now(), of.policy)
        return Handed(of.name, of.store.kept, document)

    def release(self, ivrid: str, order: Order) -> Handed:
        of = self._account(order)
        self._picture(of, ivrid)
        covering = of.engine.state.covering.get(ivrid)
        if covering:
            raise Clash(f"It is covered, and stays muted until these sections end: {', '.join(sorted(covering))}")
        of.observer.notice(HandReleased(ivrid, order.by, order.why, order.ticket))
        of.engine.learn(ReleaseOrdered(ivrid))
        state = self._picture(of, ivrid)["state"]
        return Handed(of.name, of.store.kept, {"ivrid": ivrid, "state": state})

    def _account(self, order: Order) -> Watched:
        return self._accounts[self._desk.asked(order.account).name]

    def _picture(self, of: Watched, ivrid: str) -> Document:
        picture = call_picture(of.name, of.engine.state, ivrid, self._clock.now(), of.policy, None)
        if picture is None:
            raise Unheard("No call of this id is up.")
        return picture
