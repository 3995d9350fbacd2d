"""The board: what people see while it happens, for as many as look on.

Guarantees: several changes within a tick are one; who reads slowly is not waited for: what differs is worked out when
the reader comes for it, so memory does not grow; and what several are told at the same time is worked out once.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from typing import Any

from orchestrator import __version__
from orchestrator.board.keeping import HEALTH, HISTORY, LOG, THINGS, Keeper, Shown
from orchestrator.board.ledger import Key
from orchestrator.clock import Clock
from orchestrator.desk import Desk
from orchestrator.documents import leg_document
from orchestrator.encoding import encoded
from orchestrator.telemetry.history import MINUTE_S, History
from orchestrator.telemetry.timelines import Entry
from orchestrator.web.ports import BOARD, CHANGE, Document, Event, Unheard


class Board:
    """Fulfils `web.ports.Board`."""

    def __init__(
        self,
        accounts: Mapping[str, Shown],
        keeper: Keeper,
        desk: Desk,
        clock: Clock,
        history: History,
    ) -> None:
        self._accounts = accounts
        self._keeper = keeper
        self._desk = desk
        self._clock = clock
        self._history = history
        self._readers = 0
        self._version = 0
        """Of which these were told:"""
        self._changes: dict[int, bytes] = {}  # by the version that the reader has heard
        self._wholes: dict[bool, bytes] = {}  # by whether the reader may operate

    @contextmanager
    def follow(self, can_operate: bool) -> Iterator["Reader"]:
        self._readers += 1
        if self._readers == 1:
            self._keeper.open()
        try:
            yield Reader(self, can_operate)
        finally:
            self._readers -= 1
            if not self._readers:
                self._keeper.close()
                self._turn_to(0)

    def call(self, ivrid: str, account: str | None) -> Document:
        name = self._desk.asked(account).name
        of = self._accounts[name]
        state, timeline = of.engine.state, of.timelines.of(ivrid)
        picture = self._keeper.call(name, ivrid)
        if timeline is None and picture is None:
            raise Unheard("No call of this id is known; of one that is over this is so after an hour.")
        call = state.calls.get(ivrid)
        legs = [(sip, state.extensions[sip].legs[ivrid]) for sip in sorted(call.on)] if call else []
        return {
            "call": picture,
            "legs": [{"extension": sip, **leg_document(leg)} for sip, leg in legs],
            "timeline": [_entry(entry) for entry in timeline.entries()] if timeline else [],
            "complete": timeline is not None and timeline.complete,
        }

    async def news(self, heard: int) -> int:
        """The newest version, once there is one beyond what was heard (0: nothing)."""
        version = await self._keeper.sealed(heard)
        if version != self._version:
            self._turn_to(version)
        return version

    def _turn_to(self, version: int) -> None:
        self._version, self._changes, self._wholes = version, {}, {}

    def whole(self, can_operate: bool) -> bytes:
        """Worked out once for all who come at the same time, as after a restart."""
        if can_operate not in self._wholes:
            self._wholes[can_operate] = encoded(self._everything(can_operate))
        return self._wholes[can_operate]

    def _everything(self, can_operate: bool) -> Document:
        things: dict[str, Any] = {kind: {} for kind in THINGS}
        found = {"now": self._clock.now(), "version": __version__, "can_operate": can_operate, LOG: [], **things}
        _sort(self._keeper.ledger.whole(), found)
        history, first = self._history, self._history.first
        found[HISTORY] = {
            "minute_s": MINUTE_S,
            "from": first * MINUTE_S,
            "since": history.since,
            "minutes": history.figures(first, history.this_minute),
        }
        return found

    def change(self, after: int) -> bytes | None:
        """What differs since that version. None: that is not known any more."""
        if after not in self._changes:
            differing = self._keeper.ledger.since(after)
            if differing is None:
                return None
            found: dict[str, Any] = {"now": self._clock.now()}
            _sort(differing, found)
            if minutes := found.pop(HISTORY, None):
                first = min(minutes)
                figures = self._history.figures(first, max(minutes))
                found[HISTORY] = {"from": first * MINUTE_S, "minutes": figures}
            self._changes[after] = encoded(found)
        return self._changes[after]


class Reader:
    """One who looks on: first everything, then what differs from what was last told. Fulfils `web.ports.Reader`."""

    def __init__(self, board: Board, can_operate: bool) -> None:
        self._board = board
        self._can_operate = can_operate
        self._heard = 0
        self._numbers = count(1)

    async def next(self) -> Event:
        heard, self._heard = self._heard, await self._board.news(self._heard)
        change = self._board.change(heard) if heard else None
        if change is None:
            return Event(BOARD, next(self._numbers), self._board.whole(self._can_operate))
        return Event(CHANGE, next(self._numbers), change)


def _sort(differing: Iterable[tuple[Key, Any]], into: dict[str, Any]) -> None:
    """Each thing where the page looks for it."""
    for key, document in differing:
        if key.kind == LOG:
            into.setdefault(LOG, []).append(document)
        elif key.kind == HEALTH:
            into[HEALTH] = document
        elif key.kind == HISTORY:
            into.setdefault(HISTORY, []).append(int(key.name))
        else:
            into.setdefault(key.kind, {})[f"{key.account}/{key.name}"] = document


def _entry(entry: Entry) -> Document:
    return {"at": entry.at, "what": entry.what, "event": entry.event, "fields": entry.fields}
