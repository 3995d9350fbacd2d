"""`audit`: what was done lately, as it stands in Redis; and what can be asked of the daily files (`evidence`).

Neither asks the daemon, so it works whether that runs or not.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence

from orchestrator.cli import evidence
from orchestrator.cli.codes import BAD_CONFIG, BAD_USAGE, FAILED, OK
from orchestrator.cli.configured import configured, take_config
from orchestrator.cli.table import Row, show
from orchestrator.config import Config
from orchestrator.redis_clients import writer
from orchestrator.redis_errors import REDIS_FAILURES, why
from orchestrator.store.keys import Keys

WITHIN_S = 10.0
"""How long Redis may take for one account."""

COLUMNS = ("account", "at", "event", "section_id", "extension", "ivrid", "exposure_ms", "action_id", "cause")


def take_arguments(parser: argparse.ArgumentParser) -> None:
    take_config(parser)
    parser.add_argument(
        "what", nargs="?", choices=("lately", *evidence.WHAT), default="lately", help="what to do (default: lately)"
    )
    parser.add_argument("--account", help="only this account (default: all of the configuration)")
    parser.add_argument("--json", action="store_true", help="one JSON object a line, as when not in a terminal")
    parser.add_argument("--last", type=_positive, default=50, metavar="N", help="how many entries (default: 50)")
    evidence.take_arguments(parser)


def run(args: argparse.Namespace) -> int:
    return _lately(args) if args.what == "lately" else evidence.run(args)


def _lately(args: argparse.Namespace) -> int:
    config = configured(args)
    if config is None:
        return BAD_CONFIG
    accounts = list(config.accounts) if args.account is None else [args.account]
    if unknown := set(accounts) - set(config.accounts):
        print(f"--account: '{unknown.pop()}' is not one of {', '.join(config.accounts)}", file=sys.stderr)
        return BAD_USAGE
    try:
        rows = asyncio.run(_read(config, accounts, args.last))
    except REDIS_FAILURES as error:
        print(f"mute-orchestrator: {why(error)}", file=sys.stderr)
        return FAILED
    show(rows, COLUMNS, as_json=args.json)
    return OK


async def _read(config: Config, accounts: Sequence[str], last: int) -> list[Row]:
    redis = writer(_url(config))
    try:
        found = []
        for account in accounts:
            async with asyncio.timeout(WITHIN_S):
                entries = await redis.xrevrange(Keys(config.redis.namespace, account).audit, count=last)
            found += [{"account": account, **_row(entry)} for _, entry in reversed(entries or [])]
        return found
    finally:
        await redis.aclose()


def _row(entry: dict[bytes | str, bytes | str] | None) -> Row:
    return {_text(name): _text(value) for name, value in (entry or {}).items()}


def _text(raw: bytes | str) -> str:
    return raw.decode(errors="replace") if isinstance(raw, bytes) else raw


def _url(config: Config) -> str:
    if config.redis.embedded:
        return f"redis://127.0.0.1:{config.redis.embedded_port}/0"
    return config.redis.url.get_secret_value()


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return number
