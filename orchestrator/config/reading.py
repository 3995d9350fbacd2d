"""Reads the raw values: TOML, the environment over it, secrets out of their files.

Guarantees: the environment wins over the file, key by key; an empty variable counts as not set; what cannot be
read becomes a mistake, not a stop, save for the TOML file itself, without which there is nothing to judge.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.config.environment import variables
from orchestrator.config.keys import ANY, FILE, SECRETS
from orchestrator.config.mistakes import ConfigError, KeyPath, mistake

Tree = dict[str, object]


@dataclass(slots=True)
class Raw:
    """The values as written, with what went wrong while reading them."""

    tree: Tree
    origins: dict[KeyPath, str] = field(default_factory=dict)
    """Which environment variable set which key."""
    mistakes: list[str] = field(default_factory=list)
    unread: set[KeyPath] = field(default_factory=set)
    """Secrets whose file could not be read: a mistake already, so not missing as well."""


def read(path: Path | None, environ: Mapping[str, str]) -> Raw:
    """Raises `ConfigError` when there is a file that cannot be read as TOML."""
    raw = Raw(_toml(path) if path else {})
    accounts = raw.tree.get("accounts")
    known = tuple(accounts) if isinstance(accounts, dict) else ()
    for variable in variables(environ, known):
        if variable.mistake:
            raw.mistakes.append(variable.mistake)
        elif _put(raw.tree, variable.path, variable.value):
            raw.origins[variable.path] = variable.name
    _read_secret_files(raw)
    return raw


def _toml(path: Path) -> Tree:
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise ConfigError((f"{path}: cannot be read ({error.strerror})",)) from None
    except UnicodeDecodeError:
        raise ConfigError((f"{path}: is not UTF-8 text",)) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError((f"{path}: is not TOML: {error}",)) from None


def _put(tree: Tree, path: KeyPath, value: str) -> bool:
    """Sets one value; False where the file has something other than a section on the way there (which is
    a mistake that validation reports)."""
    *way, key = path
    for part in way:
        below = tree.setdefault(part, {})
        if not isinstance(below, dict):
            return False
        tree = below
    tree.pop(_twin(key), None)  # a secret from here replaces the file's, whichever way each was given
    tree[key] = value
    return True


def _twin(key: str) -> str:
    return key.removesuffix(FILE) if key.endswith(FILE) else key + FILE


def _read_secret_files(raw: Raw) -> None:
    for *at, key in sorted(SECRETS):
        for path, table in _tables_at(raw.tree, tuple(at)):
            if key + FILE in table:
                _read_secret_file(raw, path, table, key)


def _read_secret_file(raw: Raw, path: KeyPath, table: Tree, key: str) -> None:
    file_path, named = (*path, key + FILE), table.pop(key + FILE)
    if key in table:
        raw.mistakes.append(mistake(file_path, f"stands beside {key}; give one of the two", raw.origins))
        return
    secret, wrong = _secret(named)
    if wrong:
        raw.mistakes.append(mistake(file_path, wrong, raw.origins))
        raw.unread.add((*path, key))
    else:
        table[key] = secret


def _secret(named: object) -> tuple[str, str]:
    """The secret, or what is wrong with its file."""
    if not isinstance(named, str) or not named:
        return "", "is not the path of a file"
    try:
        text = Path(named).read_text("utf-8").strip()
    except OSError as error:
        return "", f"{named!r} cannot be read ({error.strerror})"
    except ValueError:  # not UTF-8, or a NUL in the path
        return "", f"{named!r} is not a file of UTF-8 text"
    return text, "" if text else f"{named!r} is empty"


def _tables_at(tree: Tree, at: KeyPath, done: KeyPath = ()) -> Iterator[tuple[KeyPath, Tree]]:
    if not at:
        yield done, tree
        return
    first, *rest = at
    for name in list(tree) if first == ANY else [first]:
        below = tree.get(name)
        if isinstance(below, dict):
            yield from _tables_at(below, tuple(rest), (*done, name))
