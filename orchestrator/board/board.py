"""The board: what people see while it happens, for as many as look on.

Guarantees: kept by what changed, never by walking over everything at each tick, and in slices, so that nothing that
mutes waits for it; while nobody looks on it costs nothing; several changes within `TICK_S` are one; and who reads
slowly is not waited for: what differs is worked out when the reader comes for it, so memory does not grow.
"""

import asyncio
import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import count
from typing import Any, Protocol

import msgspec

from orchestrator import __version__
from orchestrator.board.ledger import Key, Ledger
from orchestrator.board.pictures import RIPENING, call_picture, extension_picture, polling_picture
from orchestrator.clock import Clock
from orchestrator.core import view
from orchestrator.core.changes import Changes
from orchestrator.core.policy import Policy
from orchestrator.core.state import State
from orchestrator.desk import Desk
from orchestrator.documents import leg_document, section_document
from orchestrator.engine.loop import Engine
from orchestrator.telemetry.history import MINUTE_S, History
from orchestrator.telemetry.recent import KEEPS, Recent, Told
from orchestrator.telemetry.timelines import Entry, Timelines
from orchestrator.telemetry.turned import Turned
from orchestrator.web.ports import BOARD, CHANGE, Document, Event, Unheard

TICK_S = 0.25
SLICE = 200
"""So many things are looked at in one go: a millisecond or two."""

EXTENSIONS, CALLS, SECTIONS, HEALTH, HISTORY, LOG = "extensions", "calls", "sections", "health", "history", "log"
_THINGS = (EXTENSIONS, CALLS, SECTIONS)
_HEALTH = Key(HEALTH, "", "")


class Healthy(Protocol):
    @property
    def healthy(self) -> bool: ...


class Owned(Protocol):
    @property
    def problem(self) -> str | None: ...


class Shown(Protocol):
    """What is needed of an account."""

    @property
    def policy(self) -> Policy: ...

    @property
    def engine(self) -> Engine: ...

    @property
    def store(self) -> Healthy: ...

    @property
    def lease(self) -> Owned: ...

    @property
    def timelines(self) -> Timelines: ...

    @property
    def turned(self) -> Turned: ...


class Board:
    """Fulfils `web.ports.Board`."""

    def __init__(
        self,
        accounts: Mapping[str, Shown],
        desk: Desk,
        clock: Clock,
        problems: Callable[[], Mapping[str, str]],
        history: History,
        recent: Recent,
    ) -> None:
        self._accounts = accounts
        self._desk = desk
        self._clock = clock
        self._problems = problems
        self._history = history
        self._recent = recent
        self._readers = 0
        self._clear()
        for name, account in accounts.items():
            account.engine.heeding.append(partial(self._heed, name))

    @contextmanager
    def follow(self, can_operate: bool) -> Iterator["Reader"]:
        self._readers += 1
        if self._readers == 1:
            self._open()
        try:
            yield Reader(self, can_operate)
        finally:
            self._readers -= 1
            if not self._readers:
                self._next.cancel()
                self._clear()

    def call(self, ivrid: str, account: str | None) -> Document:
        name = self._desk.asked(account).name
        of = self._accounts[name]
        state, timeline = of.engine.state, of.timelines.of(ivrid)
        picture = self._call(name, ivrid)
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

    # What it reads from

    async def sealed(self, after: int | None) -> int:
        """The newest version, once it is another one than `after`."""
        while self._ledger.version in (0, after):
            await self._news.wait()
        return self._ledger.version

    def whole(self, can_operate: bool) -> bytes:
        """Worked out once for all who come at the same time, as after a restart."""
        if can_operate not in self._wholes:
            self._wholes[can_operate] = _encoded(self._everything(can_operate))
        return self._wholes[can_operate]

    def _everything(self, can_operate: bool) -> Document:
        things: dict[str, Any] = {kind: {} for kind in _THINGS}
        found = {"now": self._clock.now(), "version": __version__, "can_operate": can_operate, LOG: [], **things}
        _sort(self._ledger.whole(), found)
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
        if after not in self._told:
            differing = self._ledger.since(after)
            if differing is None:
                return None
            found: dict[str, Any] = {"now": self._clock.now()}
            _sort(differing, found)
            if minutes := found.pop(HISTORY, None):
                first = min(minutes)
                figures = self._history.figures(first, max(minutes))
                found[HISTORY] = {"from": first * MINUTE_S, "minutes": figures}
            self._told[after] = _encoded(found)
        return self._told[after]

    # How it is kept

    def _open(self) -> None:
        for name, account in self._accounts.items():
            state = account.engine.state
            self._due[EXTENSIONS, name] = state.extensions.keys() | state.watching.keys()
            self._due[CALLS, name] = state.calls.keys() | state.mutes.keys()
            self._due[SECTIONS, name] = set(state.sections)
        self._next = asyncio.get_running_loop().call_soon(self._work_off)

    def _clear(self) -> None:
        self._ledger = Ledger()
        self._due: dict[tuple[str, str], set[str]] = {
            (kind, name): set() for kind in _THINGS for name in self._accounts
        }
        self._ripening: set[Key] = set()
        self._lines: deque[Key] = deque()
        self._logged = 0
        self._told: dict[int, bytes] = {}  # by the version that the reader has heard
        self._wholes: dict[bool, bytes] = {}  # by whether the reader may operate
        self._news = asyncio.Event()

    def _heed(self, account: str, changes: Changes) -> None:
        if self._readers:
            self._due[EXTENSIONS, account] |= changes.extensions
            self._due[EXTENSIONS, account] |= changes.aimed | changes.blind
            self._due[CALLS, account] |= changes.calls
            self._due[SECTIONS, account] |= changes.sections

    def _tick(self) -> None:
        for key in self._ripening:
            self._due[key.kind, key.account].add(key.name)
        self._work_off()

    def _work_off(self) -> None:
        """One slice; when all is done, it is told, and there is time until the next tick."""
        loop = asyncio.get_running_loop()
        for _ in range(SLICE):
            key = self._next_due()
            if key is None:
                self._tell()
                self._next = loop.call_later(TICK_S, self._tick)
                return
            self._look_at(key)
        self._next = loop.call_soon(self._work_off)

    def _next_due(self) -> Key | None:
        for (kind, account), names in self._due.items():
            if names:
                return Key(kind, account, names.pop())
        return None

    def _look_at(self, key: Key) -> None:
        """What depends on it is due too, where it differs."""
        state, before = self._accounts[key.account].engine.state, self._ledger[key]
        now = _PICTURES[key.kind](self, key.account, key.name)
        differs = self._ledger.put(key, now)
        if key.kind == EXTENSIONS:
            legs = [*(before["calls"] if before else ()), *(now["calls"] if now else ())]
            self._due[CALLS, key.account] |= {leg["ivrid"] for leg in legs}
            self._due[SECTIONS, key.account] |= state.watching.get(key.name, frozenset())
        elif key.kind == CALLS and differs:
            self._due[SECTIONS, key.account] |= state.covering.get(key.name, frozenset())
        if now and now.get("state") in RIPENING:
            self._ripening.add(key)
        else:
            self._ripening.discard(key)

    def _tell(self) -> None:
        self._ledger.put(_HEALTH, self._health())
        for told in self._recent.after(self._logged):
            self._logged = told.number
            self._lines.append(Key(LOG, "", str(told.number)))
            self._ledger.put(self._lines[-1], _line(told))
            if len(self._lines) > KEEPS:
                self._ledger.drop(self._lines.popleft())
        minute = self._history.this_minute
        for each in (minute - 1, minute):
            (figures,) = self._history.figures(each, each)
            if any(figures):
                self._ledger.put(Key(HISTORY, "", str(each)), figures)
        self._ledger.drop(Key(HISTORY, "", str(minute - 2)))
        if self._ledger.seal():
            self._told, self._wholes = {}, {}
            news, self._news = self._news, asyncio.Event()
            news.set()

    # What it shows

    def _state(self, account: str) -> State:
        return self._accounts[account].engine.state

    def _extension(self, account: str, sip: str) -> Document | None:
        return extension_picture(account, self._state(account), sip)

    def _call(self, account: str, ivrid: str) -> Document | None:
        of = self._accounts[account]
        began_at = of.timelines.began_at(ivrid)
        return call_picture(account, of.engine.state, ivrid, self._clock.now(), of.policy, began_at)

    def _section(self, account: str, section_id: str) -> Document | None:
        of = self._accounts[account]
        section = of.engine.state.sections.get(section_id)
        if section is None:
            return None
        stands = view.stand(of.engine.state, section, self._clock.now(), of.policy)
        return section_document(account, section, stands.standing.value, stands.calls)

    def _health(self) -> Document:
        problems = dict(self._problems())
        accounts = {name: _health_of(account) for name, account in self._accounts.items()}
        return {"ready": not problems, "problems": problems, "accounts": accounts}


_PICTURES: Mapping[str, Callable[[Board, str, str], Document | None]] = {
    EXTENSIONS: Board._extension,
    CALLS: Board._call,
    SECTIONS: Board._section,
}


class Reader:
    """One who looks on: first everything, then what differs from what was last told. Fulfils `web.ports.Reader`."""

    def __init__(self, board: Board, can_operate: bool) -> None:
        self._board = board
        self._can_operate = can_operate
        self._version: int | None = None
        self._numbers = count(1)

    async def next(self) -> Event:
        version = await self._board.sealed(self._version)
        change = None if self._version is None else self._board.change(self._version)
        self._version = version
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


def _encoded(document: Document) -> bytes:
    try:
        return msgspec.json.encode(document)
    except UnicodeEncodeError:  # half a surrogate pair, in an id from the feed
        return json.dumps(document).encode()


def _health_of(account: Shown) -> Document:
    state = account.engine.state
    return {
        "feed": state.feed.value,
        "since": account.turned.at,
        "redis": "ok" if account.store.healthy else "away",
        "api": "ok" if state.api.down_since is None else "failing",
        "polling": polling_picture(state),
        "owner": account.lease.problem is None,
    }


def _line(told: Told) -> Document:
    return {
        "id": told.number,
        "at": told.at,
        "account": told.account,
        "event": told.event,
        "level": told.level.value,
        "fields": told.fields,
    }


def _entry(entry: Entry) -> Document:
    return {"at": entry.at, "what": entry.what, "event": entry.event, "fields": entry.fields}
