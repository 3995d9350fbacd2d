"""The configuration: a TOML file, the environment over it, secrets from files of their own.

Guarantees: `load` either returns a frozen `Config` in which every value is allowed, or raises `ConfigError`
that names every mistake at once, each with its key, its value and what is allowed; a secret's value appears
in no mistake and in no repr. `renewal` says what may change while a daemon runs.
"""

from collections.abc import Mapping
from pathlib import Path

from orchestrator.config.mistakes import ConfigError
from orchestrator.config.reading import read
from orchestrator.config.schema import Account, Api, Config, Crm, Http, Log, Policy, Redis
from orchestrator.config.validation import validate, validate_listening

__all__ = [
    "Account",
    "Api",
    "Config",
    "ConfigError",
    "Crm",
    "Http",
    "Log",
    "Policy",
    "Redis",
    "load",
    "load_listening",
]


def load(path: Path | None, environ: Mapping[str, str]) -> Config:
    """The configuration of the file (where there is one) with the environment over it.

    Raises `ConfigError` with every mistake found.
    """
    return validate(read(path, environ))


def load_listening(path: Path | None, environ: Mapping[str, str]) -> Http:
    """Where its daemon listens: for whoever may ask a daemon, and may not read its secrets. The other parts of `Http`
    are left at their defaults.

    Raises `ConfigError`.
    """
    return validate_listening(read(path, environ))
