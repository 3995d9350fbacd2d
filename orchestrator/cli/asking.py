"""`sections`, `calls` and `end-section`: a running daemon is asked, and what it says is shown.

Exit codes: 0 done, 1 the daemon could not be asked, refused, or is not ready (`sections --check`: nobody knows), 2
bad usage, 3 `sections --check` found a section exposed, 78 bad configuration.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Mapping

from orchestrator.cli import address as whom
from orchestrator.cli.address import Unusable, address
from orchestrator.cli.client import Answer, Client, NotAsked, client
from orchestrator.cli.codes import BAD_CONFIG, BAD_USAGE, EXPOSED, FAILED, OK
from orchestrator.cli.table import Row, printable, show
from orchestrator.config import ConfigError
from orchestrator.web.ports import REASONS

SECTION_COLUMNS = ("account", "section_id", "extension", "user_id", "ivrid", "state", "expires_at", "calls")
CALL_COLUMNS = ("account", "ivrid", "extensions", "sections", "state", "exposure_ms", "action_id")


def take_asking(parser: argparse.ArgumentParser) -> None:
    """Whom to ask, for every command that asks."""
    whom.take_arguments(parser)
    parser.add_argument("--account", help="only this account; needed to end a section where there are several")


def take_sections(parser: argparse.ArgumentParser) -> None:
    take_asking(parser)
    _take_form(parser).add_argument(
        "--check",
        action="store_true",
        help="say in one line which are exposed: exit code 3 where some are, 1 where it is not known",
    )


def take_calls(parser: argparse.ArgumentParser) -> None:
    take_asking(parser)
    _take_form(parser)


def take_ending(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", type=section_id, help="its section_id")
    take_asking(parser)
    parser.add_argument("--reason", choices=REASONS, default="other", help="why, for the audit (default: other)")
    parser.add_argument("--ticket", help="where more of it stands, for the audit: 1 to 40 of A-Z a-z 0-9 . _ -")
    parser.add_argument("--yes", action="store_true", help="do not ask whether it is meant")


def sections(args: argparse.Namespace) -> int:
    async def ask(daemon: Client) -> int:
        rows = await daemon.listed("sections", args.account)
        if args.check:
            return _checked(rows, (await daemon.ready()).document["problems"])
        show(rows, SECTION_COLUMNS, as_json=args.json)
        return OK

    return asked(args, ask)


def calls(args: argparse.Namespace) -> int:
    async def ask(daemon: Client) -> int:
        show(await daemon.listed("calls", args.account), CALL_COLUMNS, as_json=args.json)
        return OK

    return asked(args, ask)


def end_section(args: argparse.Namespace) -> int:
    async def ask(daemon: Client) -> int:
        given = {"reason": args.reason, "ticket": args.ticket, "account": args.account}
        order = {name: text for name, text in given.items() if text is not None}
        print(_ended(printable(args.id), await daemon.end(args.id, order)))
        return OK

    if not args.yes and not sys.stdin.isatty():
        print("mute-orchestrator: --yes is needed where nobody can be asked", file=sys.stderr)
        return BAD_USAGE
    if not args.yes and not _agreed(f"End {printable(args.id)}? What it alone mutes is recorded again. [y/N] "):
        print("not ended", file=sys.stderr)
        return FAILED
    return asked(args, ask)


def asked(args: argparse.Namespace, ask: Callable[[Client], Awaitable[int]]) -> int:
    """What `ask` gives, or why the daemon could not be asked."""

    async def go() -> int:
        async with client(at) as daemon:
            return await ask(daemon)

    try:
        at = address(args, os.environ)
        return asyncio.run(go())
    except ConfigError as error:
        print(error, file=sys.stderr)
        return BAD_CONFIG
    except (Unusable, NotAsked) as error:
        print(f"mute-orchestrator: {error}", file=sys.stderr)
        return BAD_USAGE if isinstance(error, Unusable) else FAILED


def section_id(text: str) -> str:
    """Of an argument. All but this the daemon judges; without a name its path would lead elsewhere."""
    if not text:
        raise argparse.ArgumentTypeError("is empty")
    return text


def _take_form(parser: argparse.ArgumentParser) -> argparse._MutuallyExclusiveGroup:
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object a line, as when not in a terminal")
    return form


def _checked(rows: list[Row], problems: Mapping[str, object]) -> int:
    """A daemon that does not see or hear everything finds nothing exposed, and that says nothing."""
    exposed = [printable(row.get("section_id")) for row in rows if row.get("state") == "exposed"]
    if exposed:
        print(f"exposed: {', '.join(exposed)}")
        return EXPOSED
    if problems:
        print("not ready: " + "; ".join(printable(f"{name}: {why}") for name, why in problems.items()))
        return FAILED
    print(f"none of {len(rows)} sections is exposed")
    return OK


def _agreed(question: str) -> bool:
    try:
        return input(question).strip().lower() in ("y", "yes")
    except (EOFError, KeyboardInterrupt):
        print()
        return False


def _ended(name: str, answer: Answer) -> str:
    text = f"{name} has ended"
    if answer.document.get("saved", True):
        return text
    return f"{text}; Redis does not have that yet, so a crash of the daemon now would lose it"
