"""What the daemon tells of sections is what docs/api/asyncapi.json describes: every field of it, and no other."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core.model import EndCause, OnCall, OnExtension, OnUser, Section
from orchestrator.core.standing import CallStanding, Stage, Standing, Told, Word
from orchestrator.documents import status_event
from tests.contract.documents import ASYNCAPI, STATUS_BY_TYPE, examples, status_mistakes

SCHEMAS = ASYNCAPI["components"]["schemas"]
TIMES = st.floats(1.5e9, 2.5e9)
IDS = st.sampled_from(["pay-1", "א", "x" * 128])

CALLS = st.builds(
    CallStanding,
    ivrid=IDS,
    stage=st.sampled_from(Stage),
    exposure_s=st.floats(0, 4000),
    action_id=st.sampled_from(["", "a-1"]),
)
SECTIONS = st.builds(
    Section,
    section_id=IDS,
    target=st.one_of(st.builds(OnExtension, IDS), st.builds(OnUser, IDS), st.builds(OnCall, IDS)),
    started_at=TIMES,
    expires_at=TIMES,
)


def _told(word: Word) -> st.SearchStrategy[Told]:
    """As the engine puts it: the word names the state, and an end has a cause."""
    states = [standing.value for standing in Standing] if word is Word.EXPIRING else [word.value]
    causes = st.sampled_from(EndCause) if word is Word.ENDED else st.none()
    calls = st.lists(CALLS, max_size=3).map(tuple)
    return st.builds(Told, st.just(word), SECTIONS, st.sampled_from(states), calls, TIMES, causes)


TOLD = st.sampled_from(Word).flatmap(_told)


@settings(deadline=None)
@given(TOLD)
def test_whatever_is_told_fulfils_the_schema(told: Told) -> None:
    assert status_mistakes(status_event("main", "e-1", told)) == []


@settings(deadline=None)
@given(TOLD)
def test_no_field_is_told_that_is_not_described(told: Told) -> None:
    event = status_event("main", "e-1", told)
    assert event.keys() == SCHEMAS["StatusEvent"]["properties"].keys()
    assert event["data"].keys() <= SCHEMAS["Section"]["properties"].keys()
    for call in event["data"]["calls"]:
        assert call.keys() == SCHEMAS["Call"]["properties"].keys()


def test_the_example_on_the_page_fulfils_the_schema() -> None:
    (example,) = examples("status.md")
    assert status_mistakes(example) == []


@pytest.mark.parametrize("kind", STATUS_BY_TYPE)
def test_a_word_under_another_ones_state_is_noticed(kind: str) -> None:
    event: dict[str, Any] = STATUS_BY_TYPE[kind]["examples"][0]["payload"]
    assert status_mistakes(event) == []
    assert status_mistakes(event | {"data": event["data"] | {"state": "muting_somehow"}})
    assert status_mistakes(event | {"data": event["data"] | {"user_id": "1", "ivrid": "c"}})
