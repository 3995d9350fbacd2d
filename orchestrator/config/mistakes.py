"""What is wrong with a configuration, in words that the person who wrote it can act on.

Guarantees: a mistake names the key as it is written in the file (and the environment variable that set it),
the value unless it is or may hold a secret, and what would be right.
"""

from collections.abc import Mapping

KeyPath = tuple[str, ...]

_SHOWN_CHARACTERS = 60


class ConfigError(Exception):
    """The configuration cannot be used. `mistakes` holds all that is wrong, one sentence each."""

    def __init__(self, mistakes: tuple[str, ...]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


def mistake(path: KeyPath, text: str, origins: Mapping[KeyPath, str]) -> str:
    """One sentence on the key at `path`; `origins` knows which environment variable set which key."""
    variable = next((origins[path[:end]] for end in range(len(path), 0, -1) if path[:end] in origins), None)
    return f"{dotted(path)}: {text}" + (f" (set by {variable})" if variable else "")


def dotted(path: KeyPath) -> str:
    """The key as in TOML's dotted form, with the index of a list in brackets: `crm.channels[1]`."""
    text = ""
    for part in path:
        text += f"[{part}]" if part.isdecimal() else f".{part}" if text else part
    return text


def shown(value: object) -> str:
    """The value as it may be repeated to the operator: short, and without what an address may hide."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) and ("@" in value or "?" in value):
        return "this value"  # an address with a user, a password or a query
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"
