"""`demo`: a busy contact centre for half a minute, shown live, and the truth about it at the end.

The daemon runs as a process of its own with an embedded Valkey; Voicenter and the CRM are played here. Everything
listens on loopback only. With `--stay` all goes on after the verdict, for its page to be looked at, until Ctrl-C.
Exit code 1 where a covered call stayed open, an uncovered one stayed muted, or no call was covered at all.
"""

import argparse
import asyncio
import signal
import sys
import tempfile
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path

from redis.exceptions import RedisError

from orchestrator.cli import evidence, ranges
from orchestrator.cli.screen import plain_view, terminal_view
from orchestrator.cli.verdict import BOUND_S, Judgement, judgement, summary
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
    parser.add_argument("--seconds", type=ranges.seconds, default=30.0, help="of the generated centre (default: 30)")
    parser.add_argument("--agents", type=ranges.agents, default=20, help="of the generated centre (default: 20)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed, the same centre (default: 1)")
    parser.add_argument("--stay", action="store_true", help="go on after the verdict, until Ctrl-C: look at the page")
    parser.add_argument("--report", type=Path, metavar="FILE", help="leave the report of its audit there (HTML)")
    parser.add_argument("--trace", type=Path, metavar="FILE", help="replay this captured stream instead")
    parser.add_argument(
        "--speed", type=ranges.speed, default=REPLAY_SPEED, help="of the replay (default: %(default)g)"
    )


def run(args: argparse.Namespace) -> int:
    try:
        verdict = asyncio.run(_demo(args))
    except NotACapture as error:
        print(f"--trace: {error}", file=sys.stderr)
        return 2
    except DaemonFailed as error:
        print(f"mute-orchestrator: the daemon: {error}", file=sys.stderr)
        return 1
    except RedisError:
        print("mute-orchestrator: the daemon's Redis does not answer any more", file=sys.stderr)
        return 1
    return 0 if judgement(verdict, BOUND_S) is Judgement.GOOD else 1


async def _demo(args: argparse.Namespace) -> Verdict:
    print("starting a Valkey, a Voicenter, a CRM and the daemon …", flush=True)
    with tempfile.TemporaryDirectory(prefix="mute-demo-") as folder:
        async with (
            _stage(args) as stage,
            running(Path(folder), account_environ(stage, polling=True)) as daemon,
            redis_publisher(daemon.redis_url) as publish,
            AsyncExitStack() as view,
        ):
            page = f"{daemon.http_url}/"
            print(f"its page, while this runs: {page}", flush=True)
            await view.enter_async_context(_view(stage, daemon))

            async def stay(verdict: Verdict) -> None:
                await view.aclose()
                print(summary(verdict, BOUND_S))
                print(f"\nThe centre goes on, and so does its page: {page}\nCtrl-C ends both.", flush=True)
                await _until_told(daemon)

            shift = Shift(None if args.trace else args.seconds, seed=args.seed)
            verdict = await play(stage, shift, publish, then=stay if args.stay else None)
            await view.aclose()
            if args.report:
                if daemon.alive:
                    await daemon.stop()  # so that all is written
                args.report.write_text(evidence.told(Path(folder) / "data" / "audit", "html"), "utf-8")
    if not args.stay:
        print(summary(verdict, BOUND_S))
        print(f"\nIts page was {page}: with --stay the centre goes on behind it, until Ctrl-C.")
    return verdict


async def _until_told(daemon: DaemonProcess) -> None:
    """By Ctrl-C, which a terminal sends to the daemon, too. Raises `DaemonFailed` where that ends by itself."""
    over, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, over.set)
    ended = loop.create_task(daemon.process.wait())
    ended.add_done_callback(lambda _: over.set())
    await over.wait()
    if ended.cancel():
        return
    if code := ended.result():
        raise DaemonFailed(f"ended with {code}; its log ends with:\n{daemon.text()[-2000:]}")


def _stage(args: argparse.Namespace) -> Stage:
    if args.trace:
        return Replay(read_capture(args.trace), speed=args.speed, settings=SETTINGS, seed=args.seed)
    return centre_of(args.agents, settings=SETTINGS, seed=args.seed)


def _view(stage: Stage, daemon: DaemonProcess) -> AbstractAsyncContextManager[None]:
    return terminal_view(stage, daemon) if sys.stdout.isatty() else plain_view(daemon)
