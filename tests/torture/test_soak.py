"""What the soak takes for growth: nothing that is kept by design, and every slow leak."""

from orchestrator.clock import SystemClock
from orchestrator.simulator.truth import Truth
from tests.torture import soak
from tests.torture.judge import Report
from tests.torture.soak import SECTIONS_PER_S, Sample


def problems(memory_mib_a_minute: float = 0.0, files: int = 24, tasks: int = 86) -> list[str]:
    """Of twenty minutes: how much memory grows, and how many files and tasks there are in the end."""
    samples = [
        Sample(
            at=minute * 60.0,
            calls=minute * 834,
            sections=round(minute * 60 * SECTIONS_PER_S),
            memory_mib=70.0 + minute * memory_mib_a_minute + (minute % 3) * 0.5,
            files=files if minute == 20 else 24,
            tasks=tasks if minute == 20 else 86,
            waiting=0,
            unread=0,
            cpu_s=0.0,
        )
        for minute in range(21)
    ]
    report = Report("soak", [], Truth(SystemClock()).verdict())
    soak._judge(report, samples)
    return report.problems


def test_what_is_kept_of_ended_sections_is_no_leak() -> None:
    assert problems(memory_mib_a_minute=SECTIONS_PER_S * 60 / 1024, files=28, tasks=88) == []


def test_a_slow_leak_is_told() -> None:
    for found, what in (
        (problems(memory_mib_a_minute=0.45), "memory"),
        (problems(files=40), "open files"),
        (problems(tasks=90), "tasks"),
    ):
        (problem,) = found
        assert problem.startswith(what)
