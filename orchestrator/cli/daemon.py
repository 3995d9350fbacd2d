"""`run`: the daemon."""

import argparse
import asyncio
import faulthandler
import gc
import os
import signal
import sys
from collections.abc import Callable

import uvloop

from orchestrator import app
from orchestrator.cli.codes import BAD_CONFIG, FAILED, OK
from orchestrator.cli.configured import configured
from orchestrator.cli.configured import take_config as take_config
from orchestrator.config import Config, load
from orchestrator.reloading import Reloader
from orchestrator.service import Service
from orchestrator.store.embedded import EmbeddedUnavailable
from orchestrator.store.lease import LeaseLost
from orchestrator.store.load import SchemaTooNew
from orchestrator.telemetry import events
from orchestrator.telemetry.logs import Log, open_log
from orchestrator.web.health import CannotListen

_STDIN = 0

_PLAIN_FAULTS = (CannotListen, EmbeddedUnavailable, LeaseLost, SchemaTooNew)
"""What is wrong with the surroundings: told in a sentence, without a traceback."""


def run(args: argparse.Namespace) -> int:
    config = configured(args)
    if config is None:
        return BAD_CONFIG
    exit_code = OK
    faulthandler.enable()  # where it hung, when the watchdog ends it: places in code, to stderr
    gc.collect()
    gc.freeze()  # all modules: looked through at every full collection, they held the loop up for a tenth of a second
    with open_log(sys.stdout, config.log.format, config.log.level) as log:
        try:
            uvloop.run(_run(config, log, lambda: load(args.config, os.environ)))
        except* _PLAIN_FAULTS as faults:
            exit_code = FAILED
            for text in dict.fromkeys(map(str, _leaves(faults))):  # several parts may meet the same one
                print(f"mute-orchestrator: {text}", file=sys.stderr)
        except* Exception as bugs:  # noqa: BLE001 - a bug ends the process; its text may hold anything, so the log gives places
            exit_code = FAILED
            log.crash(bugs)
    return exit_code


async def _run(config: Config, log: Log, read: Callable[[], Config]) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    service = Service.of(os.environ, os.getpid())
    reloader = Reloader(config, read, log, service)
    in_terminal = os.isatty(_STDIN)
    loop.set_exception_handler(log.loop_failed)
    caught: list[str] = []

    def asked(number: signal.Signals) -> None:
        if not caught:
            log.write(events.DAEMON_STOPPING, signal=number.name)
        caught.append(number.name)
        stop.set()

    def hung_up() -> None:
        """A terminal that closes says so by the same signal, and ends what runs in it."""
        if in_terminal and not os.isatty(_STDIN):
            asked(signal.SIGHUP)
        else:
            reloader.ask()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked, number)
    loop.add_signal_handler(signal.SIGHUP, hung_up)
    await app.run(config, log, stop, reloader, service)
    log.write(events.DAEMON_STOPPED, why=caught[0])


def _leaves(group: BaseExceptionGroup[Exception]) -> list[BaseException]:
    return [
        leaf
        for error in group.exceptions
        for leaf in (_leaves(error) if isinstance(error, BaseExceptionGroup) else [error])
    ]
