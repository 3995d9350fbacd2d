"""The world outside the process, as far as it does not come in by the loop's sockets."""

import os
import random
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

import aiohttp

from orchestrator.audit.journal import Opens, in_files
from orchestrator.clock import SystemClock, WallClock
from orchestrator.store.instance import Instance, instance_of
from orchestrator.voicenter.connection import connect
from orchestrator.voicenter.exchange import http_session
from orchestrator.voicenter.feed import Connect


@dataclass(frozen=True, slots=True)
class Outside:
    """The real one, unless another is put in its place."""

    clock: WallClock = field(default_factory=SystemClock)
    rng: random.Random = field(default_factory=random.Random)
    me: Instance = field(default_factory=lambda: instance_of(os.getpid()))
    session: Callable[[], AbstractAsyncContextManager[aiohttp.ClientSession]] = http_session
    connect: Connect = connect
    audit: Opens = in_files
