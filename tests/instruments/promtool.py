"""Prometheus' own checker, and when a test may do without it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

needed = pytest.mark.skipif(
    not shutil.which("promtool") and not os.environ.get("REQUIRE_PROMTOOL"),
    reason="needs promtool (Debian: apt-get install prometheus)",
)
"""With REQUIRE_PROMTOOL set, a missing one is a failure."""


def promtool(*arguments: str | Path, given: bytes = b"") -> None:
    """Run it; what it finds wrong fails the test."""
    done = subprocess.run(["promtool", *map(str, arguments)], input=given, capture_output=True, timeout=60)
    assert done.returncode == 0, (done.stdout + done.stderr).decode()
