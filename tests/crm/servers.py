"""Servers that durable messages are read from in tests: Valkey, and Debian's redis-server where it is installed."""

import os
import shutil
from pathlib import Path

import pytest

from tests.valkey import BINARY

REDIS = shutil.which("redis-server")

SERVERS = [
    pytest.param(BINARY, id="valkey"),
    pytest.param(
        REDIS,
        id="redis",
        marks=pytest.mark.skipif(
            REDIS is None and not os.environ.get("REQUIRE_REDIS"), reason="there is no redis-server"
        ),
    ),
]


def binary_of(request: pytest.FixtureRequest) -> str:
    assert request.param is not None, "REQUIRE_REDIS is set, but there is no redis-server"
    return str(Path(request.param))
