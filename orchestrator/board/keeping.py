"""What the board knows, kept while somebody looks on.

Guarantees: kept by what changed, never by walking over everything at each tick, and in slices, so that nothing that
mutes waits for it; what depends on what changed is looked at with it; while nobody looks on it costs nothing.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol

from orchestrator.board.ledger import Key, Ledger
from orchestrator.board.pictures import RIPENING, call_picture, extension_picture, polling_picture
from orchestrator.clock import Clock
from orchestrator.core.changes import Changes
from orchestrator.core.policy import Policy
from orchestrator.documents import running_document
from orchestrator.engine.loop import Engine
from orchestrator.telemetry.history import History
from orchestrator.telemetry.recent import KEEPS, Recent, Told
from orchestrator.telemetry.timelines import Timelines
from orchestrator.telemetry.turned import Turned
from orchestrator.web.ports import Document

TICK_S = 0.25
SLICE = 200
"""So many things are looked at in one go: a millisecond or two."""

EXTENSIONS, CALLS, SECTIONS, HEALTH, HISTORY, LOG = "extensions", "calls", "sections", "health", "history", "log"
THINGS = (EXTENSIONS, CALLS, SECTIONS)
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


class Keeper:
    def __init__(
        self,
        accounts: Mapping[str, Shown],
        clock: Clock,
        problems: Callable[[], Mapping[str, str]],
        history: History,
        recent: Recent,
    ) -> None:
        self._accounts = accounts
        self._clock = clock
        self._problems = problems
        self._history = history
        self._recent = recent
        self._start_anew()
        for name, account in accounts.items():
            account.engine.heeding.append(partial(self._heed, name))

    def open(self) -> None:
        """Somebody looks on: from now on it is kept, and the first version is soon there."""
        self._looked_at = True
        for name, account in self._accounts.items():
            state = account.engine.state
            self._due[EXTENSIONS, name] = state.extensions.keys() | state.watching.keys()
            self._due[CALLS, name] = state.calls.keys() | state.mutes.keys()
            self._due[SECTIONS, name] = set(state.sections)
        self._next = asyncio.get_running_loop().call_soon(self._work_off)

    def close(self) -> None:
        """Nobody does any more."""
        self._next.cancel()
        self._start_anew()

    async def sealed(self, after: int) -> int:
        """The newest version, once it is another one than `after`."""
        while self.ledger.version == after:
            await self._news.wait()
        return self.ledger.version

    def _start_anew(self) -> None:
        self.ledger = Ledger()
        self._looked_at = False
        self._due: dict[tuple[str, str], set[str]] = {
            (kind, name): set() for kind in THINGS for name in self._accounts
        }
        self._ripening: set[Key] = set()
        self._lines: deque[Key] = deque()
        self._logged = 0
        self._news = asyncio.Event()

    def _heed(self, account: str, changes: Changes) -> None:
        if self._looked_at:
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
        state, before = self._accounts[key.account].engine.state, self.ledger[key]
        now = _PICTURES[key.kind](self, key.account, key.name)
        differs = self.ledger.put(key, now)
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
        self.ledger.put(_HEALTH, self._health())
        for told in self._recent.after(self._logged):
            self._logged = told.number
            self._lines.append(Key(LOG, "", str(told.number)))
            self.ledger.put(self._lines[-1], _line(told))
            if len(self._lines) > KEEPS:
                self.ledger.drop(self._lines.popleft())
        minute = self._history.this_minute
        for each in (minute - 1, minute):
            (figures,) = self._history.figures(each, each)
            if any(figures):
                self.ledger.put(Key(HISTORY, "", str(each)), figures)
        self.ledger.drop(Key(HISTORY, "", str(minute - 2)))
        if self.ledger.seal():
            news, self._news = self._news, asyncio.Event()
            news.set()

    def _extension(self, account: str, sip: str) -> Document | None:
        return extension_picture(account, self._accounts[account].engine.state, sip)

    def call(self, account: str, ivrid: str) -> Document | None:
        of = self._accounts[account]
        began_at = of.timelines.began_at(ivrid)
        return call_picture(account, of.engine.state, ivrid, self._clock.now(), of.policy, began_at)

    def _section(self, account: str, section_id: str) -> Document | None:
        of = self._accounts[account]
        section = of.engine.state.sections.get(section_id)
        if section is None:
            return None
        return running_document(account, of.engine.state, section, self._clock.now(), of.policy)

    def _health(self) -> Document:
        problems = dict(self._problems())
        accounts = {name: _health_of(account) for name, account in self._accounts.items()}
        return {"ready": not problems, "problems": problems, "accounts": accounts}


_PICTURES: Mapping[str, Callable[[Keeper, str, str], Document | None]] = {
    EXTENSIONS: Keeper._extension,
    CALLS: Keeper.call,
    SECTIONS: Keeper._section,
}


def _health_of(account: Shown) -> Document:
    state = account.engine.state
    return {
        "feed": state.feed.value,
        "since": account.turned.at,
        "redis": "ok" if account.store.healthy else "away",
        "api": "ok" if state.api.down_since is None else "failing",
        "polling": polling_picture(state),
        "owner": account.lease.problem is None,
        "exposure_alert_ms": round(account.policy.exposure_alert_s * 1000),
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
