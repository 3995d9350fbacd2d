"""One picture of a daemon, as lines for a screen.

Guarantees: the first line tells whether all is well; what is exposed stands above all else, so that it is seen where
the screen is too small for everything; no line is wider than the screen.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from orchestrator.cli.table import Row, clipped, padded, printable

_WORST_FIRST = ("exposed", "muting", "no_call", "protected")
_MUTED = ("confirmed", "verified")
_NOTHING_OF_OURS = (None, "foreign", "released", "gone")
_IVRID_WIDTH, _STATE_WIDTH, _LEFT_WIDTH = 32, 10, 8


class Tone(StrEnum):
    """What colour a line has in a terminal: the parameter of ANSI's SGR."""

    PLAIN = ""
    FAINT = "2"
    GOOD = "32"
    WAITING = "33"
    BAD = "1;31"


@dataclass(frozen=True, slots=True)
class Line:
    text: str
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True, slots=True)
class Seen:
    """What the daemon said, all at about the same time."""

    at: str
    """By its own clock, RFC 3339; empty: not told."""
    problems: Mapping[str, object]
    """Why it is not ready, by what is not."""
    sections: Sequence[Row] = ()
    calls: Sequence[Row] = ()
    untold: str = ""
    """Why sections and calls are not known; empty: they are."""


def frame(seen: Seen, width: int, height: int) -> list[Line]:
    lines = [_first(seen), *_problems(seen), *_sections(seen), *_uncovered(seen)]
    if len(lines) > height:
        lines[height - 1 :] = [Line(f"… {len(lines) - height + 1} more lines", Tone.FAINT)]
    return [Line(clipped(line.text, width), line.tone) for line in lines]


def lost(why: str, last: Seen | None, width: int, height: int) -> list[Line]:
    """The picture while nothing is heard: what was last known, and that it is old."""
    old = [] if last is None else [Line(line.text, Tone.FAINT) for line in frame(last, width, height)[: height - 1]]
    return [Line(clipped(f"NOT ANSWERING  {printable(why)}", width), Tone.BAD), *old]


def painted(line: Line) -> str:
    return f"\x1b[{line.tone}m{line.text}\x1b[0m" if line.tone else line.text


def _first(seen: Seen) -> Line:
    exposed = sum(section.get("state") == "exposed" for section in seen.sections)
    muted = sum(call.get("state") in _MUTED for call in seen.calls)
    word, tone = "ALL WELL", Tone.GOOD
    in_the_way = bool(seen.problems or seen.untold)
    if in_the_way:
        word, tone = "NOT READY", Tone.BAD
    if exposed:
        word, tone = "EXPOSED", Tone.BAD
    feeds = "not ready" if in_the_way else "feeds synced"
    counts = f"sections {len(seen.sections)}  calls muted {muted}  exposed {exposed}"
    clock = f"{seen.at[11:19]}Z" if seen.at else ""
    return Line(f"{word:9}  {feeds:12}  {'' if seen.untold else counts:45} {clock}".rstrip(), tone)


def _problems(seen: Seen) -> Iterator[Line]:
    for name, why in seen.problems.items():
        yield Line(f"  {printable(name)}: {printable(why)}", Tone.BAD)
    if seen.untold:
        yield Line(f"  {printable(seen.untold)}", Tone.BAD)


def _sections(seen: Seen) -> Iterator[Line]:
    on = {(call.get("account"), call.get("ivrid")): call.get("extensions", ()) for call in seen.calls}
    several = len({each.get("account") for each in (*seen.sections, *seen.calls)}) > 1
    if seen.sections:
        yield Line("")
        yield Line(
            f"{'LEFT':>{_LEFT_WIDTH}}  {'STATE':{_STATE_WIDTH}}  {'SECTION':{_IVRID_WIDTH}}  TARGET", Tone.FAINT
        )
    for section in sorted(seen.sections, key=_urgency):
        state = printable(section.get("state"))
        left = _left(section.get("expires_at"), seen.at)
        name = padded(printable(section.get("section_id")), _IVRID_WIDTH)
        yield Line(
            f"{left:>{_LEFT_WIDTH}}  {state:{_STATE_WIDTH}}  {name}  {_target(section, several)}", _tone(state)
        )
        for call in section.get("calls", ()):
            yield _call(call, on.get((section.get("account"), call.get("ivrid")), ()))


def _uncovered(seen: Seen) -> Iterator[Line]:
    """Claims that outlived their sections."""
    rest = [call for call in seen.calls if not call.get("sections") and call.get("state") not in _NOTHING_OF_OURS]
    if rest:
        yield Line("")
        yield Line("not covered any more", Tone.FAINT)
    for call in rest:
        yield _call(call, call.get("extensions", ()))


def _call(call: Row, extensions: Sequence[object]) -> Line:
    state, open_ms = printable(call.get("state")), call.get("exposure_ms")
    was_open = "" if open_ms is None else f"open {printable(open_ms)} ms"
    ivrid = padded(printable(call.get("ivrid")), _IVRID_WIDTH)
    where = printable(", ".join(map(str, extensions)))
    text = f"{'':{_LEFT_WIDTH}}  {state:{_STATE_WIDTH}}  {ivrid}  {was_open}  {where}"
    return Line(text.rstrip(), Tone.PLAIN if state in _MUTED else Tone.WAITING)


def _urgency(section: Row) -> tuple[int, str]:
    state = section.get("state")
    place = _WORST_FIRST.index(state) if state in _WORST_FIRST else len(_WORST_FIRST)
    return place, str(section.get("expires_at"))


def _tone(state: str) -> Tone:
    match state:
        case "exposed":
            return Tone.BAD
        case "protected":
            return Tone.GOOD
        case _:
            return Tone.WAITING


def _target(section: Row, several: bool) -> str:
    """With its account, where there are several."""
    of = f"{printable(section.get('account'))}: " if several else ""
    for name in ("extension", "user_id", "ivrid"):
        if section.get(name):
            kind = "" if name == "extension" else f"{name.removesuffix('_id')} "
            return f"{of}{kind}{printable(section[name])}"
    return of


def _left(expires_at: object, now: str) -> str:
    try:
        seconds = round((datetime.fromisoformat(str(expires_at)) - datetime.fromisoformat(now)).total_seconds())
    except ValueError:
        return ""
    return f"{max(seconds, 0) // 60}:{max(seconds, 0) % 60:02}"
