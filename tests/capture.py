"""A captured stream of Voicenter's feed, where the environment variable MUTE_TRACE names one. It is not
ours to share: tests that need it are skipped elsewhere; the simulator makes the same shapes."""

import os
from pathlib import Path

import pytest

needs_capture = pytest.mark.skipif("MUTE_TRACE" not in os.environ, reason="MUTE_TRACE names no captured stream")


def trace() -> Path:
    return Path(os.environ["MUTE_TRACE"])
