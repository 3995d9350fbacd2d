"""Numbers as arguments: one that is not allowed is bad usage, and told with what is."""

import argparse
from collections.abc import Callable
from typing import TypeVar

N = TypeVar("N", int, float)


def within(kind: type[N], least: N, most: N) -> Callable[[str], N]:
    """The `type` of an argument for argparse."""

    def read(text: str) -> N:
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not least <= value <= most:  # which nan is not either
            what = "whole number" if kind is int else "number"
            raise argparse.ArgumentTypeError(f"{text!r} is not a {what} from {least} to {most}")
        return value

    return read


agents = within(int, 1, 10_000)
seconds = within(float, 1, 604_800)
speed = within(float, 0.01, 10_000)
port = within(int, 0, 65_535)
