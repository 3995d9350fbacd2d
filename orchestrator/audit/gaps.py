"""Times without full evidence, worked out from the records: from, to, and the sections active in each.

Guarantees: whatever the records say was down, blind, lost, damaged or stepped is here; and so is any time in which
they say nothing at all, although a record a minute was due. What has no end in the records has none here.
"""

from dataclasses import dataclass, field

from orchestrator.audit.journal import ALIVE_EVERY_S, CLOSED, LOST, NOTED_EVERY_S, OPENED, STALLED
from orchestrator.audit.records import Record, epoch_s

SILENT_S = ALIVE_EVERY_S + 30.0
"""No record for longer: nobody can say what was in that time."""
DOWN, BLIND, WAITS = "daemon down", "feed blind", "not the owner"
STEPPED, SILENT, DAMAGED = "clock stepped", "no evidence", "audit damaged"
MARKS = (STEPPED, DAMAGED)
"""Kinds that are to be looked into however short they are: most are but a moment."""

STARTS = {
    "feed.down": BLIND,
    "feed.stale": BLIND,
    "feed.syncing": BLIND,
    "store.lost": "Redis away",
    "polling.lost": "mutes not verified",
    "api.down": "mute API down",
    "owner.lost": WAITS,
}
ENDS = {
    "feed.synced": BLIND,
    "store.back": "Redis away",
    "polling.back": "mutes not verified",
    "api.back": "mute API down",
    "owner.taken": WAITS,
}


@dataclass(slots=True)
class Gap:
    kind: str
    account: str | None
    since: float
    until: float | None = None
    """None: it lasts."""
    note: str = ""
    sections: set[str] = field(default_factory=set)


class Gaps:
    """Give it the records in order."""

    def __init__(self) -> None:
        self.all: list[Gap] = []
        self._open: dict[tuple[str | None, str], Gap] = {}
        self._active: dict[tuple[str | None, str], float] = {}
        self._ended: list[tuple[str | None, str, float, float]] = []
        self._last: Record | None = None
        self._closed: Record | None = None
        self._muted: dict[tuple[str | None, str], float] = {}
        """(account, ivrid) -> when Voicenter last confirmed that it is muted."""
        self._opened_at: float | None = None
        self._met: set[str | None] = set()
        """Accounts that were told of since the process began."""
        self._heard: set[str | None] = set()
        """Those of them whose feed was."""

    def take(self, record: Record) -> None:
        self._look_for_silence(record)
        self._sections(record)
        self._standing(record)
        self._happening(record)
        self._last = record

    def _standing(self, record: Record) -> None:
        """What lasts from one record to another."""
        account, event, at = record.account, record.event, record.at
        if event.startswith("feed."):
            self._meet(account, BLIND)
            self._heard.add(account)
        if event == "owner.taken":
            self._meet(account, WAITS)
            if account not in self._heard:
                self._begin(account, BLIND, at)
        if kind := STARTS.get(event):
            self._begin(account, kind, at)
        elif kind := ENDS.get(event):
            self._end(account, kind, at)
        match event:
            case "crm.lost":
                self._begin(None, f"CRM not heard ({record.fields.get('source')})", at)
            case "crm.connected":
                self._end(None, f"CRM not heard ({record.fields.get('source')})", at)
            case "daemon.ready":
                for name in record.fields.get("accounts", ()):
                    self._meet(name, WAITS)
            case "call.muted" | "call.unmuted" | "call.gone" | "mute.reaffirmed" | "mute.doubted":
                self._confirmed(record)

    def _happening(self, record: Record) -> None:
        """What one record tells of."""
        at = record.at
        match record.event:
            case "crm.gap":
                self._add("CRM messages may be missed", None, at - float(record.fields.get("for_s", 0)), at)
            case "clock.stepped":
                self._add(STEPPED, None, at, at, f"by {record.fields.get('by_s')} s")
            case event if event == OPENED:
                self._opened(record)
            case event if event == CLOSED:
                self._closed = record
            case event if event == STALLED:
                self._add("process stood still", None, _since(record), at)
            case event if event == LOST:
                lost, why = record.fields.get("lost", 0), record.fields.get("why", "")
                self._add("audit not written", None, _since(record), at, f"{lost} records lost; {why}".rstrip("; "))

    def damaged(self, since: float, until: float | None, why: str) -> None:
        """The chain does not hold there."""
        self._add(DAMAGED, None, since, until, why)

    def finished(self, until: float | None = None) -> list[Gap]:
        """All of them in order; `until`: the end of the time that is looked at, if the records end before it."""
        last = self._last
        if self._closed is not None:
            self._add(DOWN, None, self._closed.at, None, _why(self._closed))
        elif until is not None and (last is None or until - last.at > SILENT_S):
            self._add(SILENT, None, last.at if last else 0.0, until)
        for gap in self.all:
            gap.sections |= self._active_in(gap)
        return sorted(self.all, key=lambda gap: gap.since)

    def _opened(self, record: Record) -> None:
        for gap in self._open.values():  # what a process saw ends with it
            gap.until = record.at
        self._open.clear()
        self._opened_at, self._met, self._heard = record.at, set(), set()
        self._down(record)
        fields = record.fields
        if fields.get("torn_bytes"):
            self._add(DAMAGED, None, record.at, record.at, "its last line was torn off, and is kept apart")
        if fields.get("damaged"):
            self._add(DAMAGED, None, record.at, record.at, "its end was changed")
        if fields.get("missing"):
            at = self._last.at if self._last else record.at
            self._add(DAMAGED, None, at, record.at, f"{fields['missing']} records are missing at its end")
        self._closed = None

    def _down(self, opened: Record) -> None:
        """Until it began to write again. That it was alive after its last record the head alone says, which anybody
        can write: no record vouches for that time."""
        last = self._last
        if self._closed is not None:
            since, why = self._closed.at, _why(self._closed)
        elif "alive_at" in opened.fields:
            since, why = epoch_s(opened.fields["alive_at"]), "killed, or the machine went down"
            if last is not None and (until := min(since, opened.at)) - last.at > NOTED_EVERY_S:
                self._add(SILENT, None, last.at, until, "no record says that it was alive until then")
        else:
            return
        if since <= opened.at:
            self._add(DOWN, None, since, opened.at, why)
            return
        self._add(DOWN, None, opened.at, opened.at, f"{why}; for how long is not known")
        behind_s = since - opened.at
        self._add(STEPPED, None, opened.at, opened.at, f"back by {behind_s:.0f} s or more while the daemon was down")

    def _meet(self, account: str | None, kind: str) -> None:
        """At the first word on an account: how it was since the process began."""
        if self._opened_at is not None and account not in self._met:
            self._begin(account, kind, self._opened_at)
        self._met.add(account)

    def _confirmed(self, record: Record) -> None:
        """What was asked once more may have been undone since it was confirmed, by a late request. So may what could
        not be, because its cover ended before."""
        call = (record.account, str(record.fields.get("ivrid")))
        since = self._muted.pop(call, None)
        again = record.event == "mute.reaffirmed" and record.fields.get("muted")
        if record.event == "call.muted" or again:
            self._muted[call] = record.at
        if since is not None and (again or record.event == "mute.doubted"):
            self._add("mute in doubt", record.account, since, record.at, f"of call {call[1]}")

    def _look_for_silence(self, record: Record) -> None:
        last = self._last
        if last is not None and record.at - last.at > SILENT_S and record.event not in (OPENED, STALLED, LOST):
            self._add(SILENT, None, last.at, record.at)

    def _sections(self, record: Record) -> None:
        section = (record.account, str(record.fields.get("section_id")))
        if record.event in ("section.started", "section.renewed"):
            self._active.setdefault(section, record.at)
        elif record.event == "section.ended" and section in self._active:
            self._ended.append((*section, self._active.pop(section), record.at))

    def _active_in(self, gap: Gap) -> set[str]:
        until = float("inf") if gap.until is None else gap.until
        ended = [(account, name) for account, name, began, end in self._ended if began <= until and end >= gap.since]
        going = [section for section, began in self._active.items() if began <= until]
        return {name for account, name in ended + going if gap.account in (None, account)}

    def _begin(self, account: str | None, kind: str, at: float) -> None:
        if (account, kind) not in self._open:
            self._open[account, kind] = self._add(kind, account, at, None)

    def _end(self, account: str | None, kind: str, at: float) -> None:
        gap = self._open.pop((account, kind), None)
        if gap is not None:
            gap.until = at

    def _add(self, kind: str, account: str | None, since: float, until: float | None, note: str = "") -> Gap:
        self.all.append(Gap(kind, account, since, until, note))
        return self.all[-1]


def _why(closed: Record) -> str:
    return "stopped as asked" if closed.fields.get("why") == "stopped" else "crashed"


def _since(record: Record) -> float:
    return epoch_s(record.fields["from"]) if "from" in record.fields else record.at
