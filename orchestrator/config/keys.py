"""Which keys there are, read off the schema: for suggestions, for secrets in files, for checks of the docs.

The name of an account, which the operator chooses, stands as `*`, and so does the place of a table in a list.
"""

import difflib
from typing import get_args, get_origin

from pydantic import BaseModel, SecretStr

from orchestrator.config.mistakes import KeyPath
from orchestrator.config.schema import Config

ANY = "*"
FILE = "_file"
"""A secret `token` may also be given as `token_file`, the path of the file that holds it."""


def _tables(model: type[BaseModel], at: KeyPath) -> dict[KeyPath, type[BaseModel]]:
    found = {at: model}
    for name, field in model.model_fields.items():
        annotation = field.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            found |= _tables(annotation, (*at, name))
        elif (below := _in_each(annotation)) is not None:
            found |= _tables(below, (*at, name, ANY))
    return found


def _in_each(annotation: object) -> type[BaseModel] | None:
    """The model of which there are as many as the operator likes: by names, or in a list."""
    parts = [part for part in get_args(annotation) if isinstance(part, type) and issubclass(part, BaseModel)]
    return parts[0] if parts and get_origin(annotation) in (dict, tuple) else None


def _is_secret(annotation: object) -> bool:
    return annotation is SecretStr or any(_is_secret(part) for part in get_args(annotation))


TABLES = _tables(Config, ())

SECRETS = frozenset(
    (*at, name)
    for at, table in TABLES.items()
    for name, field in table.model_fields.items()
    if _is_secret(field.annotation)
)

LEAVES = frozenset(
    (*at, name)
    for at, table in TABLES.items()
    for name in table.model_fields
    if (*at, name) not in TABLES and (*at, name, ANY) not in TABLES
)
"""Every key that holds a value."""


def generic(path: KeyPath) -> KeyPath:
    """The path with `*` for the account's name, or for the place in a list of tables."""
    for known in TABLES:
        at = len(known) - 1
        if known and known[-1] == ANY and len(path) > at and path[:at] == known[:at]:
            return (*known, *path[at + 1 :])
    return path


def is_secret(path: KeyPath) -> bool:
    """Whether what stands there, or in a list there, must not be shown."""
    return any(generic(path[:end]) in SECRETS for end in range(1, len(path) + 1))


def nearest(path: KeyPath) -> str | None:
    """The known key that an unknown one was probably meant to be."""
    at = generic(path)[:-1]
    if at not in TABLES:
        return None
    names = [*TABLES[at].model_fields]
    names += [name + FILE for name in names if (*at, name) in SECRETS]
    return next(iter(difflib.get_close_matches(path[-1], names, n=1)), None)
