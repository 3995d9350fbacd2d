"""Accounts and streams of any size, for benchmarks: made before the measurement, which times the daemon."""

import itertools
import random
from collections.abc import Iterator

from orchestrator.simulator import account, payloads
from orchestrator.simulator.centre import Centre
from orchestrator.simulator.engineio import event_packet
from orchestrator.simulator.floor import Tempo
from orchestrator.simulator.payloads import VendorClock
from orchestrator.simulator.switchboard import Switchboard
from orchestrator.simulator.telephony import Change, Direction, Leg, Line, LineChanged, Status


def big_account(extensions: int, now: float, *, talking: int = 0) -> list[Line]:
    """That many extensions, all signed in, of which the first few talk on one call each (`call-<number>`)."""
    lines = account.lines(extensions, now)
    board = Switchboard(lines, (), lambda _change: None)
    for number in range(1, talking + 1):
        leg = Leg(
            ivrid=f"call-{number}",
            direction=Direction.INCOMING,
            status=Status.TALKING,
            answered=True,
            started_at=now,
            answered_at=now,
            party=account.caller(number),
        )
        board.add(now, account.sip(number), leg)
    return list(board.lines.values())


def snapshot_packet(lines: list[Line], now: float, clock: VendorClock | None = None) -> str:
    """`AllExtensionsStatus` as it stands on the wire: 42["AllExtensionsStatus",{…}]."""
    clock = clock or VendorClock()
    rows = (payloads.line_payload(line, clock) for line in lines)
    return event_packet("AllExtensionsStatus", payloads.all_extensions(rows, clock, now))


def event_packets(agents: int, seed: int, now: float, clock: VendorClock | None = None) -> Iterator[str]:
    """The `ExtensionEvent`s of a generated centre, one after the other without end, as they stand on the wire.

    The extensions are the first ones of `big_account`.
    """
    clock = clock or VendorClock()
    changes: list[Change] = []
    board = Switchboard(account.lines(agents, now), account.queues(1 + agents // 20), changes.append)
    centre = Centre(board, random.Random(seed), Tempo())
    centre.open(now)
    while centre.next_at is not None:
        centre.step(centre.next_at)
        for change in changes:
            if isinstance(change, LineChanged):
                event = clock.stamp(change.at) | payloads.extension_event(change, clock)
                yield event_packet("ExtensionEvent", event)
        changes.clear()


def some_event_packets(count: int, agents: int, seed: int, now: float) -> list[str]:
    return list(itertools.islice(event_packets(agents, seed, now), count))
