"""Gaps: what the records say was missing, and what they do not say at all."""

from orchestrator.audit.gaps import Gap, Gaps
from orchestrator.audit.records import START, Draft, Record, Value, parsed, sealed, utc

T = 1_795_435_200.0


def record(after_s: float, event: str, account: str | None = None, **fields: Value) -> Record:
    line, _ = sealed(Draft(T + after_s, event, account, fields), START)
    return parsed(line)


def since(after_s: float) -> dict[str, Value]:
    return {"from": utc(T + after_s)}


def gaps(*records: Record, until_s: float | None = None) -> list[Gap]:
    found = Gaps()
    for each in records:
        found.take(each)
    return found.finished(None if until_s is None else T + until_s)


def told(*records: Record, until_s: float | None = None) -> list[tuple[str, float, float | None]]:
    """Each with its kind, from and to, in seconds from T."""
    return [
        (gap.kind, round(gap.since - T, 3), None if gap.until is None else round(gap.until - T, 3))
        for gap in gaps(*records, until_s=until_s)
    ]


def test_feed_and_redis_and_api_have_their_from_and_to() -> None:
    assert told(
        record(1, "feed.stale", "main"),
        record(2, "feed.down", "main"),
        record(3, "store.lost", "main", why="x"),
        record(4, "feed.synced", "main"),
        record(5, "store.back", "main"),
        record(6, "api.down", "main"),
    ) == [("feed blind", 1, 4), ("Redis away", 3, 5), ("mute API down", 6, None)]


def test_the_sections_active_in_a_gap_are_named_and_no_others() -> None:
    (gap,) = gaps(
        record(0, "section.started", "main", section_id="over"),
        record(1, "section.ended", "main", section_id="over"),
        record(2, "section.started", "main", section_id="before"),
        record(3, "feed.down", "main"),
        record(4, "section.started", "main", section_id="within"),
        record(4, "section.started", "other", section_id="elsewhere"),
        record(5, "section.ended", "main", section_id="before"),
        record(6, "feed.synced", "main"),
        record(7, "section.started", "main", section_id="after"),
    )
    assert gap.sections == {"before", "within"}


def test_a_killed_daemon_was_down_from_when_it_was_last_alive() -> None:
    assert told(
        record(0, "section.started", "main", section_id="s"),
        record(1, "feed.down", "main"),
        record(60, "audit.opened", alive_at=utc(T + 12), torn_bytes=0, missing=0, damaged=False),
    ) == [("feed blind", 1, 60), ("no evidence", 1, 12), ("daemon down", 12, 60)]


def test_that_a_killed_daemon_was_alive_long_after_its_last_record_is_not_believed() -> None:
    opened = record(3600, "audit.opened", alive_at=utc(T + 3595), torn_bytes=0, missing=0, damaged=False)
    assert told(record(0, "audit.alive"), opened) == [("no evidence", 0, 3595), ("daemon down", 3595, 3600)]


def test_a_daemon_that_stopped_is_down_until_it_is_seen_again() -> None:
    stopped = (record(0, "audit.alive"), record(1, "audit.closed", why="stopped"))
    assert told(*stopped, until_s=80) == told(*stopped, until_s=200) == [("daemon down", 1, None)]


def test_a_clock_that_was_set_back_while_the_daemon_was_down_is_told_and_no_time_is_negative() -> None:
    opened = record(60, "audit.opened", alive_at=utc(T + 3610), torn_bytes=0, missing=0, damaged=False)
    for ended in (record(3610, "audit.closed", why="stopped"), record(3609, "audit.alive")):
        found = gaps(ended, opened)
        assert [(gap.kind, gap.since - T, (gap.until or 0.0) - T) for gap in found] == [
            ("daemon down", 60, 60),
            ("clock stepped", 60, 60),
        ]
        assert found[1].note == "back by 3550 s or more while the daemon was down"


def test_a_daemon_that_was_asked_to_stop_was_down_too() -> None:
    (gap,) = gaps(
        record(0, "audit.closed", why="stopped"),
        record(3600, "audit.opened", alive_at=utc(T), torn_bytes=0, missing=0, damaged=False),
    )
    assert (gap.kind, gap.since, gap.until, gap.note) == ("daemon down", T, T + 3600, "stopped as asked")


def test_damage_that_was_found_at_the_start_is_a_gap() -> None:
    kinds = [
        gap.note
        for gap in gaps(
            record(0, "audit.alive"),
            record(9, "audit.opened", alive_at=utc(T + 9), torn_bytes=7, missing=3, damaged=True),
        )
        if gap.kind == "audit damaged"
    ]
    assert len(kinds) == 3
    assert "3 records are missing at its end" in kinds


def test_lost_records_stalls_clock_steps_and_missed_messages_are_gaps() -> None:
    assert told(
        record(5, "clock.stepped", by_s=3600.0),
        record(6, "crm.gap", source="pubsub:x", for_s=4.0),
        record(20, "audit.stalled", None, **since(8)),
        record(30, "audit.lost", None, **since(21), lost=2, why="No space left on device"),
    ) == [
        ("CRM messages may be missed", 2, 6),
        ("clock stepped", 5, 5),
        ("process stood still", 8, 20),
        ("audit not written", 21, 30),
    ]


def test_silence_is_a_gap_and_a_record_a_minute_is_none() -> None:
    assert told(*(record(60.0 * n, "audit.alive") for n in range(5)), until_s=300) == []
    assert told(record(0, "audit.alive"), record(200, "audit.alive"), until_s=400) == [
        ("no evidence", 0, 200),
        ("no evidence", 200, 400),
    ]


def test_a_process_is_blind_until_its_feed_is_synced() -> None:
    assert told(
        record(0, "audit.opened"),
        record(3, "feed.synced", "main"),
        record(9, "feed.syncing", "main"),
        record(10, "feed.synced", "main"),
    ) == [("feed blind", 0, 3), ("feed blind", 9, 10)]


def test_a_process_that_waits_for_its_turn_is_not_blind_but_from_then_on() -> None:
    waiting = (record(0, "audit.opened"), record(0.1, "daemon.ready", accounts=["main"]), record(60, "audit.alive"))
    assert told(*waiting) == [("not the owner", 0, None)]
    assert told(*waiting, record(70, "owner.taken", "main")) == [("not the owner", 0, 70), ("feed blind", 70, None)]
    synced = record(71, "feed.synced", "main")
    assert told(*waiting, record(70, "owner.taken", "main"), synced)[1:] == [("feed blind", 70, 71)]


def test_a_mute_that_was_asked_for_once_more_was_in_doubt_since_its_confirmation() -> None:
    muted = record(5, "call.muted", "main", ivrid="i")
    again = record(13, "mute.reaffirmed", "main", ivrid="i", muted=True)
    assert told(muted, again) == [("mute in doubt", 5, 13)]


def test_so_was_one_whose_cover_ended_before_that() -> None:
    muted = record(5, "call.muted", "main", ivrid="i")
    doubted = record(9, "mute.doubted", "main", ivrid="i")
    assert told(muted, doubted, record(9.2, "call.unmuted", "main", ivrid="i")) == [("mute in doubt", 5, 9)]
