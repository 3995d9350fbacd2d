"""The generated centre, held over many seeds to what every event stream must satisfy and to what a capture shows."""

import random
from collections import Counter

import pytest

from orchestrator.simulator import account
from orchestrator.simulator.centre import Centre
from orchestrator.simulator.floor import Tempo
from orchestrator.simulator.switchboard import Switchboard
from orchestrator.simulator.telephony import (
    CallBegan,
    CallOver,
    Change,
    Direction,
    Leg,
    Line,
    LineChanged,
    QueueChanged,
    QueueReason,
    Reason,
    Status,
)

START = 1_000_000.0


def live(seed: int, agents: int = 12, seconds: float = 300.0) -> tuple[list[Change], Switchboard]:
    """Everything that happens in a centre that is open for so long, until its last call is over."""
    changes: list[Change] = []
    board = Switchboard(account.lines(agents, START, spare=3), account.queues(2), changes.append)
    centre = Centre(board, random.Random(seed), Tempo())
    centre.open(START)
    while centre.next_at is not None:
        if centre.next_at > START + seconds:
            centre.close()
        centre.step(centre.next_at)
    return changes, board


@pytest.mark.parametrize("seed", range(25))
def test_every_event_follows_from_the_one_before(seed: int) -> None:
    changes, _ = live(seed)
    lines = {line.sip: line for line in account.lines(12, START, spare=3)}
    at = START
    for change in changes:
        assert change.at >= at
        at = change.at
        if isinstance(change, LineChanged):
            check_step(lines[change.line.sip], change)
            lines[change.line.sip] = change.line


def check_step(before: Line, change: LineChanged) -> None:
    old = {leg.ivrid: leg for leg in before.legs}
    new = {leg.ivrid: leg for leg in change.line.legs}
    assert len(new) == len(change.line.legs)
    if change.leg is None:
        assert change.reason is Reason.USER_STATUS
        assert new == old
        return
    ivrid = change.leg.ivrid
    if change.reason is Reason.NEWCALL:
        assert ivrid not in old
        assert new == old | {ivrid: change.leg}
    elif change.reason is Reason.HANGUP:
        assert new == {key: leg for key, leg in old.items() if key != ivrid}
    else:
        assert ivrid in old
        assert new == old | {ivrid: change.leg}


@pytest.mark.parametrize("seed", range(25))
def test_every_call_ends_once_and_leaves_nothing(seed: int) -> None:
    changes, board = live(seed)
    began = {leg.ivrid for change in changes if isinstance(change, LineChanged) for leg in change.line.legs}
    began |= {change.ivrid for change in changes if isinstance(change, CallBegan)}
    queued = [change.queue for change in changes if isinstance(change, QueueChanged)]
    began |= {waiting.ivrid for queue in queued for waiting in queue.calls}
    over = Counter(change.ivrid for change in changes if isinstance(change, CallOver))
    assert set(over) == began
    assert set(over.values()) == {1}
    assert not any(line.legs for line in board.lines.values())
    assert not any(queue.calls for queue in board.queues.values())
    assert not any(board.alive(ivrid) for ivrid in began)


def test_the_same_seed_tells_the_same_story() -> None:
    assert live(7)[0] == live(7)[0]
    assert live(7)[0] != live(8)[0]


def test_what_a_capture_shows_occurs() -> None:
    seen: Counter[str] = Counter()
    for seed in range(10):
        changes, _ = live(seed)
        seen.update(phenomena(changes))
    missing = {
        "offered to several",
        "answered elsewhere",
        "rings again on the same extension",
        "rings again within a second",
        "gave up in the queue",
        "left the queue for an agent",
        "taken from the queue without ringing",
        "outgoing",
        "redial",
        "hold",
        "unhold",
        "consult",
        "conference",
        "moved by transfer",
        "joined by transfer",
        "transfer that rings",
        "related",
        "related, seen nowhere",
        "click2call agent",
        "click2call customer",
        "talking at once, answered 0",
        "talking at once, answered 1",
        "internal on two extensions",
        "status update in a call",
        "hot desk",
        "hangup never seen before",
    } - set(seen)
    assert not missing


def phenomena(changes: list[Change]) -> set[str]:
    found: set[str] = set()
    gone: dict[tuple[str, str], float] = {}
    parted: dict[str, float] = {}  # call -> when an answered leg of it ended last
    seen: set[str] = set()
    on: dict[str, set[str]] = {}
    for change in changes:
        found |= {"related, seen nowhere"} if isinstance(change, CallBegan) else set()
        if isinstance(change, QueueChanged):
            found |= {"gave up in the queue"} if change.reason is QueueReason.ABANDONED else set()
            found |= {"taken from the queue without ringing"} if change.reason is QueueReason.ANSWER else set()
            found |= {"left the queue for an agent"} if change.reason is QueueReason.EXIT else set()
        if not isinstance(change, LineChanged):
            continue
        leg, sip = change.leg, change.line.sip
        if leg is None:
            found |= {"status update in a call"} if change.line.legs else set()
            found |= {"hot desk"} if change.line.online_user_id not in (None, change.line.user_id) else set()
            continue
        if change.reason is Reason.NEWCALL:
            found |= of_new_leg(leg, change.line)
            found |= (
                {"joined by transfer"}
                if len(leg.related) > 1 and not gone.keys().isdisjoint((sip, ivrid) for ivrid in leg.related)
                else set()
            )
            on.setdefault(leg.ivrid, set()).add(sip)
            found |= {"offered to several"} if len(on[leg.ivrid]) > 1 and leg.status is Status.RINGING else set()
            left_at = gone.get((sip, leg.ivrid))
            if left_at is not None:
                found.add("redial" if leg.direction is Direction.OUTGOING else "rings again on the same extension")
                found |= {"rings again within a second"} if change.at - left_at < 1 else set()
            if parted.get(leg.ivrid) == change.at:
                found.add("transfer that rings" if leg.status is Status.RINGING else "moved by transfer")
        if change.reason is Reason.HANGUP:
            found |= {"hangup never seen before"} if leg.ivrid not in seen else set()
            found |= {"answered elsewhere"} if change.cause == "Answered elsewhere" else set()
            on.get(leg.ivrid, set()).discard(sip)
            gone[sip, leg.ivrid] = change.at
            if leg.answered:
                parted[leg.ivrid] = change.at
        found |= {"hold"} if change.reason is Reason.HOLD else set()
        if change.reason is Reason.UNHOLD:
            up = sum(other.status is Status.TALKING for other in change.line.legs)
            found.add("conference" if up > 1 else "unhold")
        seen.add(leg.ivrid)
    return found


def of_new_leg(leg: Leg, line: Line) -> set[str]:
    others = [other for other in line.legs if other.ivrid != leg.ivrid]
    traits = {
        "outgoing": leg.direction is Direction.OUTGOING,
        "consult": leg.direction is Direction.OUTGOING and any(other.status is Status.HOLD for other in others),
        "related": bool(leg.related),
        "click2call agent": leg.c2c_direction == 1,
        "click2call customer": leg.c2c_direction == 2,
        "talking at once, answered 0": leg.status is Status.TALKING and not leg.answered,
        "talking at once, answered 1": leg.status is Status.TALKING and leg.answered,
        "internal on two extensions": leg.internal and leg.direction is Direction.INCOMING,
    }
    return {name for name, shown in traits.items() if shown}
