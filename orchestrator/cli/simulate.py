"""`simulate`: a Voicenter to test a CRM against, alone; with a CRM's part played too where a Redis is named."""

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from redis.exceptions import RedisError

from orchestrator.cli import ranges
from orchestrator.cli.verdict import BOUND_S, summary
from orchestrator.simulator.process import account_environ
from orchestrator.simulator.publisher import NAMES, By
from orchestrator.simulator.replay import NotACapture
from orchestrator.simulator.run import Shift, simulate
from orchestrator.simulator.settings import VoicenterSettings
from orchestrator.simulator.stage import Stage
from orchestrator.simulator.verdict import Verdict

ADDRESSES = """\
Voicenter is played here. Point a daemon at it:

{exports}
    mute-orchestrator run

Extensions: {extensions}. Ctrl-C ends it and tells what the recordings were like.
"""


def take_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="where to listen (default: 127.0.0.1)")
    parser.add_argument("--port", type=ranges.port, default=8090, help="0: any free one (default: 8090)")
    parser.add_argument("--agents", type=ranges.agents, default=20, help="of the generated centre (default: 20)")
    parser.add_argument("--trace", type=Path, metavar="FILE", help="replay this captured stream instead")
    parser.add_argument("--speed", type=ranges.speed, default=1.0, help="of the replay (default: 1)")
    parser.add_argument(
        "--seconds", type=ranges.seconds, help="how long (default: until Ctrl-C, or the end of the replay)"
    )
    parser.add_argument("--seed", type=int, default=1, help="the same seed, the same centre (default: 1)")
    parser.add_argument("--engineio", type=int, choices=(3, 4), default=3, help="as which server (default: 3)")
    parser.add_argument("--crm", metavar="REDIS_URL", help="play the CRM too, and speak there")
    parser.add_argument("--crm-by", choices=list(By), default=By.CHANNEL, help="how (default: channel)")
    names = ", ".join(NAMES.values())
    parser.add_argument(
        "--crm-name", "--channel", default="", metavar="NAME", help=f"of what that is (default: {names})"
    )


def run(args: argparse.Namespace) -> int:
    try:
        verdict = asyncio.run(_simulate(args))
    except NotACapture as error:
        print(f"--trace: {error}", file=sys.stderr)
        return 2
    except (OSError, RedisError) as error:
        print(f"mute-orchestrator: {_plain(error)}", file=sys.stderr)
        return 1
    print(summary(verdict, BOUND_S))
    return 0


async def _simulate(args: argparse.Namespace) -> Verdict:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return await simulate(
        Shift(args.seconds, seed=args.seed),
        agents=args.agents,
        settings=VoicenterSettings(host=args.host, port=args.port, engineio=args.engineio),
        capture=args.trace,
        speed=args.speed,
        redis_url=args.crm,
        crm_by=By(args.crm_by),
        crm_name=args.crm_name,
        ready=_say_where,
        stop=stop,
    )


def _say_where(stage: Stage) -> None:
    sips = list(stage.lines)
    some = ", ".join(sips[:3]) + (f", … {sips[-1]}" if len(sips) > 3 else "")
    exports = "\n".join(f"    export {name}={value}" for name, value in account_environ(stage, polling=True).items())
    print(ADDRESSES.format(exports=exports, extensions=some), flush=True)


def _plain(error: OSError | RedisError) -> str:
    return f"{type(error).__name__}: {error.strerror}" if isinstance(error, OSError) else "Redis did not answer"
