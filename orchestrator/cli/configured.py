"""The daemon's configuration, for the commands that need it."""

import argparse
import os
import sys
from pathlib import Path

from orchestrator.cli.codes import BAD_CONFIG, OK
from orchestrator.config import Config, ConfigError, load


def take_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="TOML; without it the environment alone (ORCHESTRATOR_…)"
    )


def configured(args: argparse.Namespace) -> Config | None:
    """The configuration; None after every mistake in it was told."""
    try:
        return load(args.config, os.environ)
    except ConfigError as error:
        for mistake in error.mistakes:
            print(mistake, file=sys.stderr)
        return None


def check(args: argparse.Namespace) -> int:
    if configured(args) is None:
        return BAD_CONFIG
    print("the configuration is good")
    return OK
