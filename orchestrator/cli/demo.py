"""`demo`: a busy contact centre for half a minute, shown live, and the truth about it at the end.

The daemon runs as a process of its own with an embedded Valkey; Voicenter and the CRM are played here. Everything
listens on loopback only. Exit code 1 where a covered call stayed open or an uncovered one stayed muted.
"""

import argparse
import asyncio
import sys
import tempfile
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from orchestrator.cli import evidence
from orchestrator.cli.screen import plain_view, terminal_view
from orchestrator.cli.verdict import BOUND_S, good, summary
from orchestrator.simulator.process import DaemonFailed, DaemonProcess, account_environ, running
from orchestrator.simulator.publisher import redis_publisher
from orchestrator.simulator.replay import NotACapture, Replay, read_capture
from orchestrator.simulator.run import Shift, centre_of
from orchestrator.simulator.run import run as play
from orchestrator.simulator.settings import VoicenterSettings
from orchestrator.simulator.stage import Stage
from orchestrator.simulator.verdict import Verdict

SETTINGS = VoicenterSettings(api_latency_s=(0.03, 0.12), feed_lag_s=0.6)
REPLAY_SPEED = 200.0


def take_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, default=30.0, help="of the generated centre (default: 30)")
    parser.add_argument("--agents", type=int, default=20, help="of the generated centre (default: 20)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed, the same centre (default: 1)")
    parser.add_argument("--report", type=Path, metavar="FILE", help="leave the report of its audit there (HTML)")
    parser.add_argument("--trace", type=Path, metavar="FILE", help="replay this captured stream instead")
    parser.add_argument("--speed", type=float, default=REPLAY_SPEED, help="of the replay (default: %(default)g)")


def run(args: argparse.Namespace) -> int:
    try:
        verdict = asyncio.run(_demo(args))
    except NotACapture as error:
        print(f"--trace: {error}", file=sys.stderr)
        return 2
    except DaemonFailed as error:
        print(f"mute-orchestrator: the daemon: {error}", file=sys.stderr)
        return 1
    print(summary(verdict, BOUND_S))
    return 0 if good(verdict, BOUND_S) else 1


async def _demo(args: argparse.Namespace) -> Verdict:
    print("starting a Valkey, a Voicenter, a CRM and the daemon …", flush=True)
    with tempfile.TemporaryDirectory(prefix="mute-demo-") as folder:
        async with (
            _stage(args) as stage,
            running(Path(folder), account_environ(stage, polling=True)) as daemon,
            redis_publisher(daemon.redis_url) as publish,
            _view(stage, daemon),
        ):
            verdict = await play(stage, Shift(None if args.trace else args.seconds, seed=args.seed), publish)
            if args.report:
                await daemon.stop()  # so that all is written
                args.report.write_text(evidence.told(Path(folder) / "data" / "audit", "html"), "utf-8")
            return verdict


def _stage(args: argparse.Namespace) -> Stage:
    if args.trace:
        return Replay(read_capture(args.trace), speed=args.speed, settings=SETTINGS, seed=args.seed)
    return centre_of(args.agents, settings=SETTINGS, seed=args.seed)


def _view(stage: Stage, daemon: DaemonProcess) -> AbstractAsyncContextManager[None]:
    return terminal_view(stage, daemon) if sys.stdout.isatty() else plain_view(daemon)
