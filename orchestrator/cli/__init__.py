"""The command line: `mute-orchestrator`.

Exit codes, for scripts and service managers: 0 stopped as asked, 1 failed, 2 bad usage, 78 bad configuration
(a restart would not help).
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from orchestrator import __version__
from orchestrator.cli import daemon, demo, simulate, token, window

Command = Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    args = _parser().parse_args(arguments)
    command: Command = args.command
    try:
        return command(args)
    except BrokenPipeError:  # the reader of our output has seen enough, as `head` has
        sys.stderr.close()
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mute-orchestrator",
        description="Keeps card data out of call recordings: mutes exactly the calls that a section covers.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Command, does: str) -> argparse.ArgumentParser:
        added: argparse.ArgumentParser = commands.add_parser(name, help=does, description=does)
        added.set_defaults(command=run)
        return added

    _take_config(command("run", daemon.run, "Run the daemon until SIGTERM or SIGINT."))
    _take_config(command("check", daemon.check, "Check the configuration; name every mistake at once."))
    for name, does in (
        ("sections", "Show the active sections, from Redis."),
        ("calls", "Show the live calls of each extension, from Redis."),
        ("audit", "Show what was done lately, from Redis."),
    ):
        added = command(name, window.COMMANDS[name], does)
        _take_config(added)
        added.add_argument("--account", help="only this account (default: all of the configuration)")
        added.add_argument("--json", action="store_true", help="one JSON object a line, as when not in a terminal")
    added.add_argument("--last", type=_positive, default=50, metavar="N", help="how many entries (default: 50)")
    token.take_arguments(command("token", token.run, "Make a token for the HTTP API, and its configuration."))
    simulate.take_arguments(command("simulate", simulate.run, "Run a simulated Voicenter with a contact centre."))
    demo.take_arguments(command("demo", demo.run, "Show a busy contact centre, and judge the daemon."))
    return parser


def _take_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="TOML; without it the environment alone (ORCHESTRATOR_…)"
    )


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return number
