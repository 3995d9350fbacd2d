"""What a configuration that was read again changes in a process that runs.

Guarantees: `policy` and `log.level` are taken over, and nothing else is; every other key that differs is named, by
its name alone, since it may be a secret.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from orchestrator.config.mistakes import KeyPath, dotted
from orchestrator.config.schema import Config


@dataclass(frozen=True, slots=True)
class Renewal:
    config: Config
    """What holds from now on."""
    changed: tuple[str, ...]
    """Keys that are taken over."""
    needs_restart: tuple[str, ...]
    """Keys that differ and are not."""


def renewed(running: Config, read: Config) -> Renewal:
    """`running` is what holds now, with what was taken over before."""
    log = running.log.model_copy(update={"level": read.log.level})
    config = running.model_copy(update={"policy": read.policy, "log": log})
    return Renewal(config, _differing(running, config), _differing(config, read))


def _differing(one: Config, other: Config) -> tuple[str, ...]:
    return tuple(dotted(path) for path in _paths(one.model_dump(), other.model_dump()))


def _paths(one: Mapping[str, object], other: Mapping[str, object], at: KeyPath = ()) -> Iterator[KeyPath]:
    """Where two trees differ; a branch that one of them lacks is named whole."""
    for name in dict.fromkeys((*one, *other)):
        before, after = one.get(name), other.get(name)
        if isinstance(before, dict) and isinstance(after, dict):
            yield from _paths(before, after, (*at, name))
        elif before != after:
            yield (*at, name)
