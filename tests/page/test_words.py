"""Every word the page may need is there, in both languages. Without a browser."""

import re
from typing import Any

import msgspec
import pytest

from orchestrator.core.claims import Verdict
from orchestrator.core.model import CoverReason, EndCause
from orchestrator.telemetry.events import CATALOGUE, Level
from orchestrator.web.ports import REASONS
from tests.page.fake import PAGE

SOURCE = PAGE.parent.parent

OF_TIMELINES = {"event.leg.came", "event.leg.changed", "event.leg.left", "event.api.asked"}
STATES = {"recorded", "covered", "muted", "verified", "exposed", "foreign", "releasing", "none"}


def words(language: str) -> dict[str, Any]:
    return words_in(f"{language}.js") | words_in(f"{language}-log.js")


def words_in(file: str) -> dict[str, Any]:
    """The module's object: keys without quotes and commas at the end are all that JSON lacks."""
    text = (PAGE / file).read_text("utf-8").partition("export default ")[2].rstrip().rstrip(";")
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


@pytest.mark.parametrize("language", ["en", "he"])
def test_every_word_that_a_field_may_have_is_known(language: str) -> None:
    known = words(language).keys()
    codes = [*EndCause, *Verdict, *CoverReason]
    assert [code for code in codes if f"value.{code}" not in known] == []
    assert set(REASONS) <= known


SENTENCE = re.compile(r'"([A-Za-z][^"]* [^"]+)"')


def said_in(path: str) -> set[str]:
    """The sentences in that source, docstrings aside; what is filled in is told by {}."""
    text = re.sub(r'(?s)""".*?"""', "", (SOURCE / path).read_text("utf-8"))
    return {re.sub(r"\{.*?\}", "{}", found) for found in SENTENCE.findall(text)}


def in_hebrew() -> set[str]:
    lines = (PAGE / "he-said.js").read_text("utf-8")
    return {re.sub(r"\{\w+\}", "{}", found.replace('\\"', "")) for found in re.findall(r'(?m)^  \["(.*)", "', lines)}


@pytest.mark.parametrize("path", ["board/hand.py", "core/sections.py", "redis_errors.py", "voicenter/faults.py"])
def test_what_the_daemon_says_in_sentences_is_known_in_hebrew(path: str) -> None:
    """Up to what is filled in."""
    known = {sentence.partition("{")[0] for sentence in in_hebrew()}
    assert {sentence.partition("{")[0] for sentence in said_in(path)} <= known


def test_no_sentence_is_translated_that_the_daemon_does_not_say() -> None:
    """Up to what it fills in; its sources may break a sentence in two."""
    sources = [path.read_text("utf-8").replace('\\"', "") for path in SOURCE.rglob("*.py")]
    whole = re.sub(r'"\s*\n\s*f?"', "", "\n".join(sources)).replace('"', "")
    assert [one for one in in_hebrew() if not all(piece in whole for piece in one.replace('"', "").split("{}"))] == []


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
