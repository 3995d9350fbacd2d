"""What an earlier process left in Redis, read in one go.

Guarantees: one damaged value costs that value alone: it is told (`Skipped`), left in Redis as it is, and all the
others are loaded. A value of a newer schema stops the load: `SchemaTooNew` says where. Times of an earlier process
whose clock was another are brought onto ours (`shifted`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from msgspec.structs import replace
from redis.asyncio import Redis

from orchestrator.core.claims import Blind, Mute
from orchestrator.core.facts import Restored
from orchestrator.core.model import EndedSection, Leg, Section
from orchestrator.store import codec
from orchestrator.store.fields import SchemaTooNew as SchemaTooNew
from orchestrator.store.fields import Unreadable
from orchestrator.store.keys import Keys

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Skipped:
    """A value in Redis that could not be read. It needs a person: what it stood for is not acted on."""

    key: str
    name: str
    """The field of the hash: a section_id or an ivrid."""
    why: str


@dataclass(frozen=True, slots=True)
class Found:
    restored: Restored
    skipped: tuple[Skipped, ...]


async def load(client: Redis, keys: Keys) -> Found:
    """Raises what redis-py raises, and `SchemaTooNew`."""
    pipe = client.pipeline(transaction=True)
    pipe.hgetall(keys.sections)
    pipe.hgetall(keys.ended)
    pipe.hgetall(keys.mutes)
    pipe.hgetall(keys.blind)
    pipe.smembers(keys.extensions)
    sections, ended, mutes, blind, extensions = await pipe.execute()
    skipped: list[Skipped] = []
    restored = Restored(
        _read(keys.sections, sections, codec.section_from_json, lambda section: section.section_id, skipped),
        _read(keys.ended, ended, codec.ended_from_json, None, skipped),
        _read(keys.mutes, mutes, codec.mute_from_json, lambda mute: mute.ivrid, skipped),
        _read(keys.blind, blind, codec.blind_from_json, lambda claim: claim.sip, skipped),
        await _muted_legs(client, keys, sorted(text(sip) for sip in extensions)),
    )
    return Found(restored, tuple(skipped))


async def _muted_legs(client: Redis, keys: Keys, sips: Sequence[str]) -> dict[str, tuple[Leg, ...]]:
    """A leg that cannot be read says nothing: the snapshot writes it anew."""
    pipe = client.pipeline(transaction=False)
    for sip in sips:
        pipe.hgetall(keys.extension(sip))
    found: dict[str, tuple[Leg, ...]] = {}
    for sip, raw in zip(sips, await pipe.execute(), strict=True):
        legs = _read(keys.extension(sip), raw, codec.leg_from_json, lambda leg: leg.ivrid, [])
        if muted := tuple(leg for leg in legs.values() if leg.muted):
            found[sip] = muted
    return found


def shifted(restored: Restored, by_s: float) -> Restored:
    """The same, with every time later by so many seconds. 0 as it is, exactly."""
    if not by_s:
        return restored
    return Restored(
        {name: _section_shifted(section, by_s) for name, section in restored.sections.items()},
        {name: _ended_shifted(ended, by_s) for name, ended in restored.ended.items()},
        {name: _mute_shifted(mute, by_s) for name, mute in restored.mutes.items()},
        {sip: _blind_shifted(claim, by_s) for sip, claim in restored.blind.items()},
        restored.muted_legs,
    )


def _section_shifted(section: Section, by_s: float) -> Section:
    return replace(
        section,
        started_at=section.started_at + by_s,
        renewed_at=section.renewed_at + by_s,
        expires_at=section.expires_at + by_s,
        calls={ivrid: replace(cover, since=cover.since + by_s) for ivrid, cover in section.calls.items()},
        idle_since=None if section.idle_since is None else section.idle_since + by_s,
    )


def _ended_shifted(ended: EndedSection, by_s: float) -> EndedSection:
    renewed_at = None if ended.renewed_at is None else ended.renewed_at + by_s
    return replace(ended, at=ended.at + by_s, renewed_at=renewed_at)


def _mute_shifted(mute: Mute, by_s: float) -> Mute:
    """0 stands for never, and stays."""
    return replace(
        mute,
        due_since=mute.due_since + by_s,
        asked_at=mute.asked_at and mute.asked_at + by_s,
        confirmed_at=None if mute.confirmed_at is None else mute.confirmed_at + by_s,
        retry_at=mute.retry_at and mute.retry_at + by_s,
        verified_at=None if mute.verified_at is None else mute.verified_at + by_s,
        mute_lands_by=mute.mute_lands_by and mute.mute_lands_by + by_s,
        open_lands_by=mute.open_lands_by and mute.open_lands_by + by_s,
    )


def _blind_shifted(claim: Blind, by_s: float) -> Blind:
    lands_by = claim.mute_lands_by and claim.mute_lands_by + by_s
    return replace(claim, next_at=claim.next_at + by_s, mute_lands_by=lands_by)


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
    skipped: list[Skipped],
) -> dict[str, Value]:
    good: dict[str, Value] = {}
    for field, value_json in raw.items():
        name = text(field)
        try:
            value = parse(value_json)
            if own_name is not None and own_name(value) != name:
                raise Unreadable("the name in the value is not that of its field")  # noqa: TRY301 - same fate as a parse error
        except Unreadable as error:
            skipped.append(Skipped(key, name, str(error)))
        except SchemaTooNew as error:
            raise SchemaTooNew(f"{key}: {error}; run that version, or empty the key") from None
        else:
            good[name] = value
    return good
