"""How well Redis is, and so up to when it has what the daemon knew: what a new process will find."""

from collections.abc import Callable

RECOVERED_S = 2.5
"""From the end of a fault of Redis until the daemon has written down what it has."""
WRITTEN_S = 0.1
"""What is older has been written, while Redis is well."""


class Memory:
    def __init__(self, now: Callable[[], float]) -> None:
        self.good_since = float("-inf")
        self._now = now
        self._faults = 0
        self._upto = float("-inf")

    @property
    def bad(self) -> bool:
        return self._faults > 0

    @property
    def well_for_s(self) -> float:
        """0 while it is not."""
        return 0.0 if self.bad else self._now() - self.good_since

    @property
    def upto(self) -> float:
        """Up to when Redis has what the daemon knew."""
        return self._now() - WRITTEN_S if self.well_for_s >= RECOVERED_S else self._upto

    def turns_bad(self) -> None:
        if not self.bad:
            self._upto = self.upto
        self._faults += 1

    def turns_good(self) -> None:
        self._faults -= 1
        if not self.bad:
            self.good_since = self._now()

    def was_emptied(self) -> None:
        self._upto = float("-inf")
