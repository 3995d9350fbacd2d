"""The command line: `mute-orchestrator`.

Exit codes, for scripts and service managers: 0 done, or stopped as asked; 1 failed, or a daemon could not be asked,
refused, or is not ready; 2 bad usage; 3 `sections --check` found one exposed; 4 `audit verify` found a record
that was changed, removed or added; 78 bad configuration (a restart would not help); 130 interrupted by Ctrl-C.

A command's module is imported when the command is chosen: a daemon that starts again does not wait for the simulator.
"""

import argparse
import gc
import os
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module

from orchestrator import __version__
from orchestrator.cli.codes import INTERRUPTED, OK


@dataclass(frozen=True, slots=True)
class Command:
    """A function of a module here, and the one that adds its arguments to a parser."""

    does: str
    module: str
    run: str = "run"
    takes: str = "take_arguments"

    def fill(self, parser: argparse.ArgumentParser) -> None:
        gc.disable()  # nothing that modules make is garbage: to look for some took a tenth of a daemon's start
        module = import_module(f"orchestrator.cli.{self.module}")
        gc.enable()
        getattr(module, self.takes)(parser)
        parser.set_defaults(command=getattr(module, self.run))


COMMANDS = {
    "run": Command("Run the daemon until SIGTERM or SIGINT.", "daemon", takes="take_config"),
    "check": Command("Check the configuration; name every mistake at once.", "configured", "check", "take_config"),
    "sections": Command("Ask a running daemon for the active sections.", "asking", "sections", "take_sections"),
    "calls": Command("Ask a running daemon for the calls that are up or claimed.", "asking", "calls", "take_calls"),
    "watch": Command("Watch a running daemon live, like top; Ctrl-C ends it.", "watch"),
    "end-section": Command(
        "End a section of a running daemon. A command of its own, so that `sections` only ever looks.",
        "asking",
        "end_section",
        "take_ending",
    ),
    "audit": Command("Show what was done; verify, report or export the files of the audit.", "audit"),
    "token": Command("Make a token for the HTTP API, and its configuration.", "token"),
    "simulate": Command("Run a simulated Voicenter with a contact centre.", "simulate"),
    "demo": Command("Show a busy contact centre, and judge the daemon.", "demo"),
    "completion": Command("Print a script that completes commands in a shell.", "completion"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    given = sys.argv[1:] if arguments is None else arguments
    chosen = next((word for word in given if not word.startswith("-")), "")
    args = parser({chosen}).parse_args(given)
    args.whole = partial(parser, COMMANDS)
    code = OK
    try:
        code = args.command(args)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output has seen enough, as `head` has
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more as it ends
    return code


def parser(filled: Collection[str]) -> argparse.ArgumentParser:
    """Knows every command, and the arguments of those that are `filled`."""
    whole = argparse.ArgumentParser(
        prog="mute-orchestrator",
        description="Keeps card data out of call recordings: mutes exactly the calls that a section covers.",
    )
    whole.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = whole.add_subparsers(required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        added = commands.add_parser(name, help=command.does, description=command.does)
        if name in filled:
            command.fill(added)
    return whole
