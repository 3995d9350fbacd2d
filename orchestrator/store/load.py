"""What an earlier process left in Redis, read in one go.

Guarantees: one damaged value costs that value alone: it is told (`StoreSkipped`), left in Redis as it is, and all the
others are loaded. A value of a newer schema stops the load: `SchemaTooNew` says where. Times of an earlier process
whose clock was another are brought onto ours (`shifted`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace
from redis.asyncio import Redis

from orchestrator.core.facts import Restored
from orchestrator.core.model import Leg, Section
from orchestrator.engine.notices import StoreSkipped
from orchestrator.store import codec
from orchestrator.store.fields import SchemaTooNew as SchemaTooNew
from orchestrator.store.fields import Unreadable
from orchestrator.store.keys import Keys

Value = TypeVar("Value")
Timed = TypeVar("Timed", bound=Struct)

_LANDING = ("mute_lands_by", "open_lands_by")
_OF_A_MUTE = ("due_since", "asked_at", "confirmed_at", "retry_at", "verified_at", "alarm_at", *_LANDING)
_OF_A_BLIND = ("next_at", "applied_by", "late_until", *_LANDING)


@dataclass(frozen=True, slots=True)
class Found:
    restored: Restored
    skipped: tuple[StoreSkipped, ...]


async def load(client: Redis, keys: Keys) -> Found:
    """Raises what redis-py raises, and `SchemaTooNew`."""
    pipe = client.pipeline(transaction=True)
    pipe.hgetall(keys.sections)
    pipe.hgetall(keys.ended)
    pipe.hgetall(keys.mutes)
    pipe.hgetall(keys.blind)
    pipe.smembers(keys.extensions)
    sections, ended, mutes, blind, extensions = await pipe.execute()
    skipped: list[StoreSkipped] = []
    restored = Restored(
        _read(keys.sections, sections, codec.section_from_json, lambda section: section.section_id, skipped),
        _read(keys.ended, ended, codec.ended_from_json, None, skipped),
        _read(keys.mutes, mutes, codec.mute_from_json, lambda mute: mute.ivrid, skipped),
        _read(keys.blind, blind, codec.blind_from_json, lambda claim: claim.sip, skipped),
        await _foreign_legs(client, keys, sorted(text(sip) for sip in extensions)),
    )
    return Found(restored, tuple(skipped))


async def _foreign_legs(client: Redis, keys: Keys, sips: Sequence[str]) -> dict[str, tuple[Leg, ...]]:
    """A leg that cannot be read says nothing: the snapshot writes it anew."""
    pipe = client.pipeline(transaction=False)
    for sip in sips:
        pipe.hgetall(keys.extension(sip))
    found: dict[str, tuple[Leg, ...]] = {}
    for sip, raw in zip(sips, await pipe.execute(), strict=True):
        legs = _read(keys.extension(sip), raw, codec.leg_from_json, lambda read: read[0].ivrid, [])
        if theirs := tuple(leg for leg, foreign in legs.values() if foreign):
            found[sip] = theirs
    return found


def shifted(restored: Restored, by_s: float) -> Restored:
    """The same, with every time later by so many seconds. 0 as it is, exactly."""
    if not by_s:
        return restored
    return Restored(
        {name: _section_shifted(section, by_s) for name, section in restored.sections.items()},
        {name: _later(ended, by_s, "at", "renewed_at") for name, ended in restored.ended.items()},
        {name: _later(mute, by_s, *_OF_A_MUTE) for name, mute in restored.mutes.items()},
        {sip: _later(claim, by_s, *_OF_A_BLIND) for sip, claim in restored.blind.items()},
        restored.foreign_legs,
    )


def _section_shifted(section: Section, by_s: float) -> Section:
    calls = {ivrid: _later(cover, by_s, "since") for ivrid, cover in section.calls.items()}
    moved = _later(section, by_s, "started_at", "renewed_at", "expires_at", "idle_since")
    return replace(moved, calls=calls)


def _later(value: Timed, by_s: float, *times: str) -> Timed:
    """None and 0 stand for never, and stay."""
    return replace(value, **{name: at + by_s for name in times if (at := getattr(value, name))})


def text(name: bytes) -> str:
    """A name as we wrote it; what we cannot have written stays recognisable."""
    try:
        return name.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return name.decode("utf-8", "backslashreplace")


def _read(
    key: str,
    raw: Mapping[bytes, bytes],
    parse: Callable[[bytes], Value],
    own_name: Callable[[Value], str] | None,
    skipped: list[StoreSkipped],
) -> dict[str, Value]:
    good: dict[str, Value] = {}
    for field, value_json in raw.items():
        name = text(field)
        try:
            value = parse(value_json)
            if own_name is not None and own_name(value) != name:
                raise Unreadable("the name in the value is not that of its field")  # noqa: TRY301 - same fate as a parse error
        except Unreadable as error:
            skipped.append(StoreSkipped(key, name, str(error)))
        except SchemaTooNew as error:
            raise SchemaTooNew(f"{key}: {error}; run that version, or empty the key") from None
        else:
            good[name] = value
    return good
