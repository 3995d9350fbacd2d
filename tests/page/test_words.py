"""Every word the page may need is there, in both languages. Without a browser."""

import re
from typing import Any

import msgspec
import pytest

from orchestrator.telemetry.events import CATALOGUE, Level
from tests.page.fake import PAGE

OF_TIMELINES = {"event.leg.came", "event.leg.changed", "event.leg.left", "event.api.asked"}
STATES = {"recorded", "covered", "muted", "verified", "exposed", "foreign", "releasing", "none"}


def words(language: str) -> dict[str, Any]:
    """The module's object: keys without quotes and commas at the end are all that JSON lacks."""
    text = (PAGE / f"{language}.js").read_text("utf-8").partition("export default ")[2].rstrip().rstrip(";")
    text = re.sub(r'(?m)([{\s,])(\w+): (?=["{])', r'\1"\2": ', text)
    found: dict[str, Any] = msgspec.json.decode(re.sub(r",\s*}", "}", text))
    return found


def figures(sentence: object) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", msgspec.json.encode(sentence).decode()))


def test_both_languages_have_the_same_sentences_with_the_same_figures() -> None:
    english, hebrew = words("en"), words("he")
    assert english.keys() == hebrew.keys()
    assert [key for key in english if figures(english[key]) != figures(hebrew[key])] == []


@pytest.mark.parametrize("language", ["en", "he"])
def test_every_state_and_every_event_has_its_words(language: str) -> None:
    known = words(language)
    assert {f"event.{event}" for event in CATALOGUE} | OF_TIMELINES <= known.keys()
    assert STATES | {f"{state}_means" for state in STATES} <= known.keys()


@pytest.mark.parametrize("language", ["en", "he"])
def test_every_field_of_what_is_shown_has_its_word(language: str) -> None:
    """Debug lines are not shown."""
    told = {name for event in CATALOGUE.values() if event.level is not Level.DEBUG for name in event.fields}
    legs = {"extension", "direction", "status", "answered", "counts", "shown"}
    known = {key.partition(".")[2] for key in words(language) if key.startswith("field.")}
    assert known == told | legs | {"account"}


def test_every_key_that_is_used_is_known() -> None:
    known = words("en").keys()
    for file in PAGE.iterdir():
        if file.suffix not in {".js", ".html"}:
            continue
        text = file.read_text("utf-8")
        used = re.findall(r'\bt\("(\w+)"', text) + re.findall(r'data-(?:text|label|hint)="(\w+)"', text)
        used += re.findall(r'\bkey: "(\w+)"', text)
        assert [key for key in used if key not in known] == [], file.name


def test_the_page_needs_nothing_from_elsewhere() -> None:
    """No address of another host; no style or script within the markup, which its headers' policy would refuse."""
    for file in PAGE.iterdir():
        text = file.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "://" not in text, file.name
        assert "innerHTML" not in text, file.name
    page = (PAGE / "index.html").read_text("utf-8")
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?! type=\"module\" src=)", page)
