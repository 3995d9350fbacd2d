"""What the daemon tells of itself: log lines and metrics.

Guarantees: nothing here decides anything, raises into the caller, or lets out a field that the catalogue
(`events`, `metrics`) does not name. Observers take notices; `Broadcast` hands one notice to several of them.
"""

from orchestrator.telemetry.counting import MetricsObserver
from orchestrator.telemetry.logs import Log, open_log
from orchestrator.telemetry.metrics import Metrics
from orchestrator.telemetry.now import Now, now_of
from orchestrator.telemetry.observer import Broadcast, LogObserver

__all__ = ["Broadcast", "Log", "LogObserver", "Metrics", "MetricsObserver", "Now", "now_of", "open_log"]
