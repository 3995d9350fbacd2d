"""config/orchestrator.toml: every key is there, and what it shows as a default is the default."""

import re
from itertools import pairwise
from pathlib import Path

from orchestrator.config import Config, load
from orchestrator.config.keys import ANY, LEAVES

EXAMPLE = Path(__file__).parents[1] / "config" / "orchestrator.toml"


def test_it_is_valid_as_it_stands() -> None:
    assert load(EXAMPLE, {}).accounts.keys() == {"main"}


def test_it_shows_the_defaults() -> None:
    least = {"ORCHESTRATOR_ACCOUNTS__MAIN__LOGIN_TYPE": "token", "ORCHESTRATOR_ACCOUNTS__MAIN__TOKEN": "replace-me"}
    assert load(EXAMPLE, {}) == load(None, least)


def test_every_key_stands_in_it() -> None:
    assert keys_of(EXAMPLE.read_text("utf-8")) == {
        tuple("main" if part == ANY and key[0] == "accounts" else part for part in key) for key in LEAVES
    }


def test_every_key_is_explained_by_the_comment_above_it() -> None:
    before: dict[str, str] = {}
    lines = EXAMPLE.read_text("utf-8").splitlines()
    for above, line in pairwise(lines):
        if match := re.match(r"([a-z0-9_]+) = ", line):
            before[match[1]] = above
    explained_with_the_one_above = {"port"}
    bare = {key for key, above in before.items() if not above.startswith("#")} - explained_with_the_one_above
    assert not bare


def keys_of(text: str) -> set[tuple[str, ...]]:
    """Keys with a value, those in a comment (`# api_code = …`) too."""
    found: set[tuple[str, ...]] = set()
    section: tuple[str, ...] = ()
    for line in text.splitlines():
        if match := re.fullmatch(r"\[([a-z_.]+)\]", line):
            section = tuple(match[1].split("."))
        elif match := re.fullmatch(r"# \[\[([a-z_.]+)\]\]", line):
            section = (*match[1].split("."), ANY)
        elif match := re.match(r"(?:# )?([a-z0-9_]+) = ", line):
            found.add((*section, match[1]))
    return found


def test_the_schema_has_defaults_for_all_but_the_accounts() -> None:
    assert Config().accounts == {}
