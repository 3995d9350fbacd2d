"""Who has heard of everything up to a version hears exactly what differs since."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.board import ledger as ledgers
from orchestrator.board.ledger import Key, Ledger

A, B = Key("calls", "main", "a"), Key("calls", "main", "b")


def test_each_thing_is_told_once_as_it_is_now() -> None:
    ledger = Ledger()
    ledger.put(A, 1)
    ledger.put(B, 1)
    ledger.seal()
    heard = ledger.version
    for value in (2, 3):
        ledger.put(A, value)
        ledger.seal()
    assert ledger.since(heard) == [(A, 3)]
    assert ledger.since(ledger.version) == []


def test_what_is_as_it_was_is_no_news() -> None:
    ledger = Ledger()
    assert ledger.put(A, 1)
    assert ledger.seal()
    assert not ledger.put(A, 1)
    assert not ledger.put(B, None)
    assert not ledger.seal()


def test_what_is_gone_is_told_as_gone_and_may_come_back() -> None:
    ledger = Ledger()
    ledger.put(A, 1)
    ledger.seal()
    ledger.put(A, None)
    ledger.seal()
    assert ledger.since(1) == [(A, None)]
    assert list(ledger.whole()) == []
    ledger.put(A, 2)
    ledger.seal()
    assert ledger.since(1) == ledger.since(2) == [(A, 2)]


def test_who_was_away_while_too_much_went_must_be_told_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledgers, "MOST_GONE", 10)
    ledger = Ledger()
    for number in range(100):
        key = Key("calls", "main", str(number))
        ledger.put(key, number)
        ledger.seal()
        ledger.put(key, None)
        ledger.seal()
    assert ledger.since(0) is None
    assert ledger.since(ledger.version - 4) is not None
    assert len(ledger._entries) == 10


def test_what_was_dropped_is_not_told_at_all() -> None:
    ledger = Ledger()
    ledger.put(A, 1)
    ledger.seal()
    ledger.drop(A)
    assert ledger.since(0) == []


STEPS = st.lists(st.tuples(st.sampled_from("abcd"), st.none() | st.integers(0, 2)) | st.none(), max_size=40)


@given(STEPS, st.integers(0, 40))
def test_with_the_changes_one_knows_as_much_as_who_is_told_everything(
    steps: list[tuple[str, int | None] | None], heard_at: int
) -> None:
    ledger, known = Ledger(), dict[Key, Any]()
    version = 0
    for number, step in enumerate(steps):
        if step is None:
            ledger.seal()
        else:
            ledger.put(Key("calls", "main", step[0]), step[1])
        if number == heard_at:
            ledger.seal()
            known, version = dict(ledger.whole()), ledger.version
    for key, document in ledger.since(version) or ():
        known[key] = document
    assert {key: document for key, document in known.items() if document is not None} == dict(ledger.whole())
