"""What can go wrong: each kind of fault, how it begins and ends, and what it explains.

A fault explains a call that is wrong only while it is in force and for `after_s` from its end; what exactly it can
explain is its `explains`: the mute API (all calls), those calls alone whose requests it hit (each for `after_s` from
the last of these), the process, or nothing at all, because the daemon must not be impressed by it. The feed's and the
CRM's faults need no explanation: they change what was told.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from tests.simulation.feed import SERVERS
from tests.simulation.redis_server import QUICK_S
from tests.simulation.vendor import LATENCY_S, Fate, Request

if TYPE_CHECKING:
    from tests.simulation.world import World

TIMEOUT_S = 3.0
"""How long the daemon waits for an answer of the mute API."""

LATE_S = 5.0
"""How long after it was given up a request may still be applied."""


class Explains(StrEnum):
    NOTHING = "nothing"
    API = "api"  # what is wanted cannot be had, for any call
    CALLS = "calls"  # what is wanted cannot be had for the calls that it hits; no other is delayed
    PROCESS = "process"  # nobody works


@dataclass(frozen=True, slots=True)
class Kind:
    explains: Explains
    lasts_s: tuple[float, float]
    after_s: float
    begin: Callable[["World", "Fault"], Callable[[], None] | None]
    """Sets it off; returns what ends it."""


@dataclass(frozen=True, slots=True)
class Fault:
    kind: str
    at: float
    """Seconds from the beginning of the story."""
    lasts_s: float
    dice: float
    """From [0, 1): what its kind leaves open."""

    def __str__(self) -> str:
        return f"{self.kind} for {self.lasts_s:.2f} s ({self.dice:.3f})"


KINDS: dict[str, Kind] = {}

# After the last attempt of an API that is broken: the attempt itself, the longest backoff, the attempt that succeeds.
RECOVERED_S = TIMEOUT_S + 2.0 + LATENCY_S[1] + 0.5


def kind(
    explains: Explains, least_s: float, most_s: float, after_s: float = 0.0
) -> Callable[[Callable[["World", "Fault"], Callable[[], None] | None]], Callable[..., object]]:
    def register(begin: Callable[["World", "Fault"], Callable[[], None] | None]) -> Callable[..., object]:
        KINDS[begin.__name__] = Kind(explains, (least_s, most_s), after_s, begin)
        return begin

    return register


def plan(chance: random.Random, over_s: float, kinds: Sequence[str]) -> list[Fault]:
    """Some faults, within the first `over_s` seconds."""
    faults = []
    for _ in range(chance.choice((0, 1, 1, 2, 2, 3, 4, 6))):
        name = chance.choice(kinds)
        lasts_s = chance.uniform(*KINDS[name].lasts_s)
        at = chance.uniform(1.0, max(1.5, over_s - lasts_s))
        faults.append(Fault(name, round(at, 3), round(lasts_s, 3), round(chance.uniform(0.0, 0.999), 3)))
    return sorted(faults, key=lambda fault: fault.at)


# The mute API


def _api(world: "World", fault: Fault, fate: Callable[[Request, random.Random], Fate | None]) -> Callable[[], None]:
    chance, kind = random.Random(f"{world.seed} {fault}"), KINDS[fault.kind]

    def behave(request: Request) -> Fate | None:
        hit = fate(request, chance)
        if hit is not None and kind.explains is Explains.CALLS:
            world.judge.excuse_hit(request, kind.after_s)
        return hit

    world.misbehaviours.append(behave)
    return lambda: world.misbehaviours.remove(behave)


@kind(Explains.API, 1.0, 20.0, RECOVERED_S)
def api_slow(world: "World", fault: Fault) -> Callable[[], None]:
    def fate(_: Request, chance: random.Random) -> Fate:
        whole_s = chance.uniform(0.3, 2.8)
        return Fate(whole_s * chance.random(), whole_s, why="slow")

    return _api(world, fault, fate)


@kind(Explains.API, 1.0, 10.0, RECOVERED_S)
def api_lost(world: "World", fault: Fault) -> Callable[[], None]:
    """No answer, or the connection breaks; the request is applied within the attempt's time, or never."""

    def fate(_: Request, chance: random.Random) -> Fate | None:
        if chance.random() < 0.3:
            return None
        applied_s = chance.uniform(0.01, 2.5) if chance.random() < 0.5 else None
        if chance.random() < 0.5:
            return Fate(applied_s, None, why="lost")
        return Fate(applied_s, chance.uniform(0.01, 2.9), reset=True, why="reset")

    return _api(world, fault, fate)


@kind(Explains.API, 1.0, 10.0, RECOVERED_S)
def api_late(world: "World", fault: Fault) -> Callable[[], None]:
    """No answer, and the request is applied after the daemon gave up on it: for the calls that it hits that explains
    a wrong for as long as it may yet be applied, and a moment more."""

    def fate(request: Request, chance: random.Random) -> Fate | None:
        if chance.random() < 0.5:
            return None
        world.judge.excuse_late(request, TIMEOUT_S + LATE_S + 1.0)
        if chance.random() < 0.5:
            return Fate(chance.uniform(TIMEOUT_S, TIMEOUT_S + LATE_S - 0.1), None, why="late")
        answered_s = chance.uniform(0.01, 1.0)
        return Fate(answered_s + chance.uniform(0.0, LATE_S - 0.1), answered_s, reset=True, why="late after reset")

    return _api(world, fault, fate)


@kind(Explains.API, 1.0, 15.0, RECOVERED_S)
def api_5xx(world: "World", fault: Fault) -> Callable[[], None]:
    def fate(_: Request, chance: random.Random) -> Fate | None:
        if chance.random() < 0.3:
            return None
        applied_s = 0.01 if chance.random() < 0.3 else None
        status, body = chance.choice(((500, b""), (502, b"<html>"), (200, b"<html>"), (200, b'{"ErrorCode": 500}')))
        return Fate(applied_s, chance.uniform(*LATENCY_S) + 0.01, status, body, why=f"HTTP {status}")

    return _api(world, fault, fate)


@kind(Explains.API, 1.0, 8.0, RECOVERED_S + 6.0)
def api_busy(world: "World", fault: Fault) -> Callable[[], None]:
    def fate(_: Request, chance: random.Random) -> Fate | None:
        if chance.random() < 0.3:
            return None
        told = {"Retry-After": str(chance.randint(1, 5))} if chance.random() < 0.8 else {}
        return Fate(None, chance.uniform(*LATENCY_S), 429, b"", told, why="busy")

    return _api(world, fault, fate)


@kind(Explains.API, 1.0, 10.0, RECOVERED_S)
def api_refused(world: "World", fault: Fault) -> Callable[[], None]:
    return _api(world, fault, lambda _, chance: Fate(None, chance.uniform(*LATENCY_S), 403, b"", why="refused"))


@kind(Explains.API, 1.0, 10.0, RECOVERED_S)
def api_down(world: "World", fault: Fault) -> Callable[[], None]:
    return _api(world, fault, lambda _, __: Fate(sent=False, why="no connection"))


@kind(Explains.CALLS, 2.0, 15.0, RECOVERED_S)
def api_one_hangs(world: "World", fault: Fault) -> Callable[[], None]:
    """Requests for some calls hang, those for others do not."""

    def fate(request: Request, chance: random.Random) -> Fate | None:
        if request.ivrid is None or int(request.ivrid[-2:], 16) / 256 >= 0.2 + fault.dice / 2:
            return None
        return Fate(None, None, why="hangs")

    return _api(world, fault, fate)


@kind(Explains.CALLS, 2.0, 15.0, RECOVERED_S)
def api_not_found(world: "World", fault: Fault) -> Callable[[], None]:
    """By ivrid, some live calls are not known; by extension they are."""

    def fate(request: Request, chance: random.Random) -> Fate | None:
        if request.ivrid is None or int(request.ivrid[-2:], 16) / 256 >= 0.2 + fault.dice / 2:
            return None
        if not world.board.sees(request.ivrid):
            return None
        body = {"ErrorCode": 404, "Message": "UniqueIvrID not found", "ActionID": "a0"}
        return Fate(None, chance.uniform(*LATENCY_S), 200, body, why="not found")

    return _api(world, fault, fate)


@kind(Explains.CALLS, 1.0, 10.0, RECOVERED_S + 10.0)
def api_hollow(world: "World", fault: Fault) -> Callable[[], None]:
    """Success that does nothing."""

    def fate(request: Request, chance: random.Random) -> Fate | None:
        if chance.random() < 0.5:
            return None
        if request.ivrid is not None and not world.board.sees(request.ivrid):
            world.judge.excuse_call(request.ivrid, float("inf"))  # nothing shows a call that is on no extension
        body = {"ErrorCode": 200, "Message": "Success", "ActionID": "a0"}
        return Fate(None, chance.uniform(*LATENCY_S), 200, body, why="hollow")

    return _api(world, fault, fate)


# The feed


@kind(Explains.NOTHING, 0.0, 0.1)
def feed_cut(world: "World", _: Fault) -> None:
    world.hub.cut()


@kind(Explains.NOTHING, 1.0, 15.0)
def feed_refused(world: "World", fault: Fault) -> Callable[[], None]:
    servers = SERVERS if fault.dice < 0.6 else SERVERS[:1]
    world.hub.refusing.update(servers)
    world.hub.cut()
    return lambda: world.hub.refusing.difference_update(servers)


@kind(Explains.NOTHING, 3.0, 60.0)
def feed_silent(world: "World", _: Fault) -> Callable[[], None]:
    world.hub.silent = True

    def end() -> None:
        world.hub.silent = False
        world.hub.resynced()

    return end


@kind(Explains.NOTHING, 0.0, 0.1)
def feed_half_open(world: "World", _: Fault) -> None:
    world.hub.half_open()


@kind(Explains.NOTHING, 2.0, 30.0)
def feed_loses(world: "World", fault: Fault) -> Callable[[], None]:
    """Events that never arrive."""
    world.hub.loses = 0.2 + 0.6 * fault.dice

    def end() -> None:
        world.hub.loses = 0.0
        world.hub.resynced()

    return end


@kind(Explains.NOTHING, 2.0, 20.0)
def feed_snapshot_late(world: "World", fault: Fault) -> Callable[[], None]:
    world.hub.snapshot_late_s = 1.0 + 20.0 * fault.dice
    world.hub.cut()

    def end() -> None:
        world.hub.snapshot_late_s = 0.0

    return end


@kind(Explains.NOTHING, 0.5, 5.0)
def login_refused(world: "World", _: Fault) -> Callable[[], None]:
    world.vendor.login_status = 401
    world.hub.turn_away()

    def end() -> None:
        world.vendor.login_status = 200

    return end


@kind(Explains.NOTHING, 0.5, 15.0)
def login_away(world: "World", _: Fault) -> Callable[[], None]:
    world.vendor.login_away = True
    world.hub.turn_away()

    def end() -> None:
        world.vendor.login_away = False

    return end


# Polls


def _polls(world: "World", fate: Fate) -> Callable[[], None]:
    world.vendor.poll_fates.append(fate)
    return lambda: world.vendor.poll_fates.remove(fate)


@kind(Explains.NOTHING, 2.0, 30.0)
def polls_fail(world: "World", fault: Fault) -> Callable[[], None]:
    fates = (Fate(sent=False), Fate(0.0, 0.1, 500, b""), Fate(0.0, None), Fate(0.0, 0.5, reset=True))
    return _polls(world, fates[int(fault.dice * len(fates))])


@kind(Explains.NOTHING, 2.0, 30.0)
def polls_slow(world: "World", fault: Fault) -> Callable[[], None]:
    return _polls(world, Fate(0.0, 0.5 + 2.0 * fault.dice))


@kind(Explains.NOTHING, 2.0, 30.0)
def polls_refused(world: "World", _: Fault) -> Callable[[], None]:
    return _polls(world, Fate(0.0, 0.1, 200, {"ERR": 2, "DESC": "Authorization failed."}))


# Redis


def _redis_bad(world: "World", back: Callable[[], None]) -> Callable[[], None]:
    world.memory.turns_bad()

    def end() -> None:
        back()
        world.memory.turns_good()

    return end


@kind(Explains.NOTHING, 0.1, 20.0)
def redis_away(world: "World", fault: Fault) -> Callable[[], None]:
    world.redis.go_away()

    def back() -> None:
        if not fault.dice < 0.3:
            world.redis.come_back()
        else:
            world.redis.come_back(empty=True)
            world.processes.forget()
            world.post.lose_what_waits()

    return _redis_bad(world, back)


@kind(Explains.NOTHING, 0.0, 0.1)
def redis_reset(world: "World", _: Fault) -> Callable[[], None]:
    world.redis.reset_all()
    return _redis_bad(world, lambda: None)


@kind(Explains.NOTHING, 0.5, 20.0)
def redis_silent(world: "World", _: Fault) -> Callable[[], None]:
    world.redis.silent = True

    def back() -> None:
        world.redis.silent = False
        world.redis.reset_all()

    return _redis_bad(world, back)


@kind(Explains.NOTHING, 0.5, 20.0)
def redis_slow(world: "World", fault: Fault) -> Callable[[], None]:
    world.redis.latency_s = (0.001, 0.02 + fault.dice**2 * 1.5)

    def back() -> None:
        world.redis.latency_s = QUICK_S

    return _redis_bad(world, back)


@kind(Explains.NOTHING, 0.5, 5.0)
def redis_loses_replies(world: "World", fault: Fault) -> Callable[[], None]:
    world.redis.lost_replies = 1 + int(fault.dice * 4)

    def back() -> None:
        world.redis.lost_replies = 0

    return _redis_bad(world, back)


@kind(Explains.NOTHING, 0.5, 15.0)
def redis_read_only(world: "World", _: Fault) -> Callable[[], None]:
    world.redis.data.read_only = True

    def back() -> None:
        world.redis.data.read_only = False

    return _redis_bad(world, back)


@kind(Explains.NOTHING, 0.5, 15.0)
def redis_out_of_memory(world: "World", _: Fault) -> Callable[[], None]:
    world.redis.data.out_of_memory = True

    def back() -> None:
        world.redis.data.out_of_memory = False

    return _redis_bad(world, back)


# The process


@kind(Explains.PROCESS, 0.1, 15.0, 2.0)
def killed(world: "World", fault: Fault) -> Callable[[], None] | None:
    return world.processes.kill(fault.dice)


@kind(Explains.PROCESS, 0.1, 15.0, 2.0)
def restarted(world: "World", fault: Fault) -> Callable[[], None] | None:
    """SIGTERM, and a new process after a while."""
    return world.processes.restart(fault.dice)


@kind(Explains.PROCESS, 0.5, 30.0, 2.0)
def frozen(world: "World", fault: Fault) -> Callable[[], None] | None:
    return world.processes.freeze(fault.dice)


@kind(Explains.NOTHING, 2.0, 30.0)
def second_started(world: "World", fault: Fault) -> Callable[[], None]:
    """A second process for the same account, by mistake."""
    return world.processes.second(fault.dice)


@kind(Explains.NOTHING, 0.0, 0.1)
def clock_stepped(world: "World", fault: Fault) -> None:
    world.step_clocks(round(4.0 * fault.dice - 2.0, 3))


# The CRM


@kind(Explains.NOTHING, 2.0, 30.0)
def crm_loses(world: "World", fault: Fault) -> Callable[[], None]:
    world.post.loses = 0.2 + 0.3 * fault.dice

    def end() -> None:
        world.post.loses = 0.0

    return end


@kind(Explains.NOTHING, 2.0, 30.0)
def crm_late(world: "World", fault: Fault) -> Callable[[], None]:
    """Each message late by a time of its own: so they overtake each other."""
    world.post.late_s = 0.2 + 5.0 * fault.dice

    def end() -> None:
        world.post.late_s = 0.0

    return end


# Somebody else


@kind(Explains.NOTHING, 0.0, 0.1)
def foreign_mute(world: "World", fault: Fault) -> None:
    world.mute_a_foreign_call(fault.dice)


NOT_YET: frozenset[str] = frozenset()
"""Kinds that the daemon does not claim to survive."""
EVERY = sorted(KINDS.keys() - NOT_YET)
