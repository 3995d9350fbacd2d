"""A row of the report, and how it is printed."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    what: str
    value: float
    unit: str
    bound: float | None = None
    at_least: bool = False
    """Whether the bound is a floor."""

    @property
    def holds(self) -> bool:
        if self.bound is None:
            return True
        return self.value >= self.bound if self.at_least else self.value <= self.bound

    def __str__(self) -> str:
        value = f"{self.value:,.0f}" if self.value == int(self.value) else f"{self.value:,.2f}"
        bound = "" if self.bound is None else f"  ({'at least' if self.at_least else 'at most'} {self.bound:g})"
        verdict = "" if self.bound is None else ("  ok" if self.holds else "  MISSED")
        return f"{self.what:58} {value:>10} {self.unit:8}{bound}{verdict}"
