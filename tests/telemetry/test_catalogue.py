"""The catalogue holds: fields are explained, documents agree, each event is written in one place."""

import ast
from collections import Counter
from pathlib import Path
from typing import get_args

import pytest

import orchestrator
from orchestrator.core.notices import Notice
from orchestrator.engine.notices import EdgeNotice
from orchestrator.telemetry import events
from orchestrator.telemetry.events import CATALOGUE, FIELDS, Event
from orchestrator.telemetry.lines import line
from tests.telemetry.notices import EVERY
from tests.telemetry.tables import DOCS, TABLES, with_tables

SOURCES = Path(orchestrator.__file__).parent
ALWAYS = {"account", "dropped"}


def test_names_are_words_with_dots_and_stand_once() -> None:
    declared = [value for value in vars(events).values() if isinstance(value, Event)]
    assert len(declared) == len(CATALOGUE)
    assert all(part.isalpha() for event in declared for part in event.name.split("."))


def test_every_field_is_explained_and_no_other() -> None:
    assert {name for event in CATALOGUE.values() for name in event.fields} | ALWAYS == FIELDS.keys()


@pytest.mark.parametrize("document", TABLES)
def test_the_documents_list_what_there_is(document: str) -> None:
    text = (DOCS / document).read_text("utf-8")
    assert text == with_tables(document, text), "run: python -m tests.telemetry.tables"


def test_each_event_is_written_in_one_place() -> None:
    names = {name for name, value in vars(events).items() if isinstance(value, Event)}
    uses = Counter(
        name
        for path in SOURCES.rglob("*.py")
        if path.name not in ("events.py", "audit.py")  # the audit chooses among them, it writes none
        for name in used(path)
        if name in names
    )
    assert {name: count for name, count in uses.items() if count != 1} == {}


def used(path: Path) -> list[str]:
    tree = ast.parse(path.read_text("utf-8"))
    attributes = [node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    return attributes + [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]


def test_the_samples_have_every_kind_of_notice() -> None:
    assert {type(notice) for notice in EVERY} == {*get_args(Notice), *get_args(EdgeNotice)}


def test_every_notice_has_a_line_of_catalogued_fields() -> None:
    for notice in EVERY:
        told = line(notice)
        assert told.fields.keys() <= set(told.event.fields), told.event.name


def test_every_field_of_the_notices_events_is_filled_by_some_notice() -> None:
    filled: dict[str, set[str]] = {}
    for notice in EVERY:
        told = line(notice)
        given = {name for name, value in told.fields.items() if value is not None}
        filled.setdefault(told.event.name, set()).update(given)
    target = {"extension", "user_id", "ivrid"}
    missing = {name: set(CATALOGUE[name].fields) - given - counted(name) for name, given in filled.items()}
    assert {name: left - target for name, left in missing.items() if left - target} == {}


def counted(name: str) -> set[str]:
    """What the observer adds to the lines of an event that may come in storms."""
    return {"repeats"} if CATALOGUE[name].limit else set()


def test_what_makes_lines_of_a_storm_alike_is_in_them() -> None:
    limited = [event for event in CATALOGUE.values() if event.limit]
    assert {event.name for event in limited} == {
        "feed.event.rejected",
        "crm.message.rejected",
        "calls.poll.failed",
        "http.refused",
    }
    for event in limited:
        assert event.limit
        assert {*event.limit.alike, "repeats"} <= set(event.fields)
