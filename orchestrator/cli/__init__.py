"""The command line: `mute-orchestrator`.

Exit codes, for scripts and service managers: 0 done, or stopped as asked; 1 failed, or a daemon could not be asked or
refused; 2 bad usage; 3 `sections --check` found one exposed; 78 bad configuration (a restart would not help).
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from orchestrator import __version__
from orchestrator.cli import address, asking, audit, completion, daemon, demo, simulate, token, watch

Command = Callable[[argparse.Namespace], int]

INTERRUPTED = 130  # by Ctrl-C, as shells have it


def main(arguments: Sequence[str] | None = None) -> int:
    args = _parser().parse_args(arguments)
    command: Command = args.command
    try:
        return command(args)
    except KeyboardInterrupt:
        return INTERRUPTED
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
    _add_asking(command)
    added = command("audit", audit.run, "Show what was done; verify, report or export the files of the audit.")
    _take_config(added)
    audit.take_arguments(added)
    token.take_arguments(command("token", token.run, "Make a token for the HTTP API, and its configuration."))
    simulate.take_arguments(command("simulate", simulate.run, "Run a simulated Voicenter with a contact centre."))
    demo.take_arguments(command("demo", demo.run, "Show a busy contact centre, and judge the daemon."))
    completion.take_arguments(
        command("completion", partial(_complete, parser), "Print a script that completes commands in a shell.")
    )
    return parser


def _add_asking(command: Callable[[str, Command, str], argparse.ArgumentParser]) -> None:
    """The commands that ask a running daemon."""
    looking = command("sections", asking.sections, "Ask a running daemon for the active sections.")
    _take_asking(looking)
    _take_form(looking).add_argument(
        "--check", action="store_true", help="say in one line which are exposed; exit code 3 where some are"
    )
    looking = command("calls", asking.calls, "Ask a running daemon for the calls that are up or claimed.")
    _take_asking(looking)
    _take_form(looking)
    looking = command("watch", watch.run, "Watch a running daemon live, like top; Ctrl-C ends it.")
    _take_asking(looking)
    looking.add_argument("--once", action="store_true", help="print one frame and end")
    ending = command(
        "end-section",
        asking.end_section,
        "End a section of a running daemon. A command of its own, so that `sections` only ever looks.",
    )
    ending.add_argument("id", metavar="ID", type=asking.section_id, help="its section_id")
    _take_asking(ending)
    ending.add_argument("--yes", action="store_true", help="do not ask whether it is meant")


def _complete(parser: argparse.ArgumentParser, args: argparse.Namespace) -> int:
    print(completion.script(parser, args.shell), end="")
    return daemon.OK


def _take_asking(parser: argparse.ArgumentParser) -> None:
    address.take_arguments(parser)
    parser.add_argument("--account", help="only this account; needed to end a section where there are several")


def _take_form(parser: argparse.ArgumentParser) -> argparse._MutuallyExclusiveGroup:
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object a line, as when not in a terminal")
    return form


def _take_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="TOML; without it the environment alone (ORCHESTRATOR_…)"
    )
