"""`sections`, `calls` and `audit`: what stands in Redis, for people (a table) and for programs (JSON lines).

They read Redis alone, so they work whether the daemon runs or not.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from redis.asyncio import Redis

from orchestrator.cli.daemon import BAD_CONFIG, FAILED, OK, configured
from orchestrator.config import Config
from orchestrator.redis_clients import writer
from orchestrator.redis_errors import REDIS_FAILURES, why
from orchestrator.store.keys import Keys

WITHIN_S = 10.0
"""How long Redis may take for one account."""

Row = dict[str, Any]


async def _sections(redis: Redis, keys: Keys, args: argparse.Namespace) -> AsyncIterator[Row]:
    for _, section in sorted((await redis.hgetall(keys.sections)).items()):
        yield json.loads(section)


async def _calls(redis: Redis, keys: Keys, args: argparse.Namespace) -> AsyncIterator[Row]:
    claims = {ivrid: json.loads(claim) for ivrid, claim in (await redis.hgetall(keys.mutes)).items()}
    for sip in sorted(await redis.smembers(keys.extensions)):
        for ivrid, leg in sorted((await redis.hgetall(keys.extension(_text(sip)))).items()):
            stage = claims.get(ivrid, {}).get("stage", "")
            yield {"extension": _text(sip), **json.loads(leg), "mute": stage}


async def _audit(redis: Redis, keys: Keys, args: argparse.Namespace) -> AsyncIterator[Row]:
    entries = await redis.xrevrange(keys.audit, count=args.last)
    for _, entry in reversed(entries or []):
        yield {_text(name): _text(value) for name, value in (entry or {}).items()}


def _text(raw: bytes | str) -> str:
    return raw.decode(errors="replace") if isinstance(raw, bytes) else raw


Reader = Callable[[Redis, Keys, argparse.Namespace], AsyncIterator[Row]]

COLUMNS: dict[str, Sequence[str]] = {
    "sections": ("account", "section_id", "extension", "user_id", "ivrid", "expires_at", "calls"),
    "calls": ("account", "extension", "ivrid", "direction", "status", "counts", "mute"),
    "audit": ("account", "at", "event", "section_id", "extension", "ivrid", "exposure_ms", "action_id", "cause"),
}


def _command(name: str, reader: Reader) -> Callable[[argparse.Namespace], int]:
    def run(args: argparse.Namespace) -> int:
        config = configured(args)
        if config is None:
            return BAD_CONFIG
        accounts = list(config.accounts) if args.account is None else [args.account]
        if unknown := set(accounts) - set(config.accounts):
            print(f"--account: '{unknown.pop()}' is not one of {', '.join(config.accounts)}", file=sys.stderr)
            return 2
        try:
            rows = asyncio.run(_read(config, accounts, reader, args))
        except REDIS_FAILURES as error:
            print(f"mute-orchestrator: {why(error)}", file=sys.stderr)
            return FAILED
        as_json = args.json or not sys.stdout.isatty()
        print(as_lines(rows) if as_json else as_table(rows, COLUMNS[name]), end="")
        return OK

    return run


async def _read(config: Config, accounts: Sequence[str], reader: Reader, args: argparse.Namespace) -> list[Row]:
    redis = writer(_url(config))
    try:
        found = []
        for account in accounts:
            keys = Keys(config.redis.namespace, account)
            async with asyncio.timeout(WITHIN_S):
                found += [{"account": account, **row} async for row in reader(redis, keys, args)]
        return found
    finally:
        await redis.aclose()


def _url(config: Config) -> str:
    if config.redis.embedded:
        return f"redis://127.0.0.1:{config.redis.embedded_port}/0"
    return config.redis.url.get_secret_value()


def as_lines(rows: Sequence[Row]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def as_table(rows: Sequence[Row], columns: Sequence[str]) -> str:
    """Columns of which some row has something, as wide as they need to be."""
    shown = [column for column in columns if any(row.get(column) not in (None, "") for row in rows)]
    cells = [[_cell(column, row.get(column)) for column in shown] for row in rows]
    widths = [max(map(len, column)) for column in zip(shown, *cells, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [[name.upper() for name in shown], *cells]
    ]
    return "\n".join(lines) + "\n" if rows else "none\n"


def _cell(column: str, value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case dict():
            return ", ".join(value)
        case list():
            return ", ".join(map(str, value))
        case _ if column in ("at", "expires_at"):
            return datetime.fromtimestamp(float(str(value)), UTC).strftime("%H:%M:%S")
        case _:
            return "".join(letter if letter.isprintable() else "?" for letter in str(value))


COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "sections": _command("sections", _sections),
    "calls": _command("calls", _calls),
    "audit": _command("audit", _audit),
}
