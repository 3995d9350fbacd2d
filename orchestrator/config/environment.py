"""The environment as configuration: `ORCHESTRATOR_ACCOUNTS__MAIN__TOKEN` is `accounts.main.token`.

Guarantees: every variable that begins with the prefix is either a key or a mistake, so a misspelt one does not
pass unseen; those that Kubernetes sets for a service named `orchestrator` are neither. Empty ones are not set.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from orchestrator.config.keys import ANY, TABLES, generic
from orchestrator.config.mistakes import KeyPath

PREFIX = "ORCHESTRATOR_"
_PARTS = "__"

# What Kubernetes (and Docker's links) put into the environment of every container beside a service of that name.
_SERVICE = re.compile(
    r"ORCHESTRATOR_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_\d+_(TCP|UDP)(_(PROTO|PORT|ADDR))?)?)"
)


@dataclass(frozen=True, slots=True)
class Variable:
    name: str
    path: KeyPath
    value: str
    mistake: str = ""


def variables(environ: Mapping[str, str], accounts: tuple[str, ...]) -> Iterator[Variable]:
    """All that is meant for us, in the order of their names; `accounts` are those that the file names."""
    for name, value in sorted(environ.items()):
        if name.startswith(PREFIX) and value and not _SERVICE.fullmatch(name):
            yield _variable(name, value, accounts)


def _variable(name: str, value: str, accounts: tuple[str, ...]) -> Variable:
    path = tuple(name.removeprefix(PREFIX).lower().split(_PARTS))
    if len(path) == 1 and path not in {(key,) for key in TABLES[()].model_fields}:
        meant = _meant(path[0])
        hint = f"; did you mean {meant}?" if meant else "; sections and keys are parted by two underscores"
        return Variable(name, path, "", f"{name}: unknown key{hint}")
    return Variable(name, _account_as_in_file(path, accounts), value)


def _meant(flat: str) -> str | None:
    """`redis_url` is redis.url with an underscore too few."""
    for at in TABLES:
        if at and ANY not in at and flat.startswith(f"{at[0]}_"):
            key = flat.removeprefix(f"{at[0]}_")
            if key in TABLES[at].model_fields:
                return f"{PREFIX}{at[0]}{_PARTS}{key}".upper()
    return None


def _account_as_in_file(path: KeyPath, accounts: tuple[str, ...]) -> KeyPath:
    """A variable's name cannot hold the - of an account's name: HEAD_OFFICE is head-office where that is known."""
    if generic(path) == path or path[1] in accounts:
        return path
    same = [name for name in accounts if name.replace("-", "_") == path[1]]
    return (path[0], same[0], *path[2:]) if same else path
