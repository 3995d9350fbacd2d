"""The metrics for Prometheus, all of them.

Guarantees: labels are bounded (accounts of the configuration, words of our own; never an extension, a call or a
section); an account's series exist from the start, at zero; gauges are read from the state when scraped.
docs/metrics.md lists exactly what is here (a test compares).
"""

import asyncio
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from orchestrator.core.claims import Verdict
from orchestrator.core.model import EndCause, FeedState
from orchestrator.engine.notices import REFUSALS
from orchestrator.telemetry.now import Now

PREFIX = "mute_orchestrator"

_SECONDS_COVERED = (0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.5, 5.0, 10.0, 30.0, 60.0)
_SECONDS_LAIN = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 1800.0)
_SECONDS_ASKED = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0)

MESSAGE_RESULTS = ("started", "ended", "rejected")
LOGIN_RESULTS = ("done", "refused", "failed")
POLL_RESULTS = ("done", "failed")


class Metrics:
    """One set for the process, in a registry of its own. Accounts join by `follow`."""

    def __init__(self, version: str) -> None:
        self.registry = CollectorRegistry()
        self._states = _States()
        self.registry.register(self._states)
        ProcessCollector(registry=self.registry)
        self._info("build", "The version of the daemon that runs.").info({"version": version})

        self.exposure = self._histogram(
            "exposure_seconds", "From the moment a call became covered to its mute's confirmation.", _SECONDS_COVERED
        )
        self.overmute = self._histogram(
            "overmute_seconds", "From the moment a call's last cover ended until its recording ran.", _SECONDS_COVERED
        )
        self.requests = self._histogram("mute_request_seconds", "Length of one mute request.", _SECONDS_ASKED)
        self.attempts = self._counter(
            "mute_attempts", "Mute requests, by what they came to and what was asked for.", "verdict", "muted"
        )
        self.polls = self._counter("polls", "Requests for the active calls, by result.", "result")
        self.unprotected = self._counter("calls_exposed", "Calls whose cover ended before any mute was confirmed.")
        self.covered = self._counter("calls_covered", "Times that a section began to cover a call.")
        self.gone = self._counter("calls_gone", "Claims that ended because Voicenter knew the call no more.")
        self.alarms = self._counter("exposure_alarms", "Times that a covered call was told of as open for too long.")
        self.verified = self._counter("mutes_verified", "Recordings seen as they were confirmed.", "muted")
        self.drifted = self._counter("mutes_drifted", "Recordings seen other than confirmed.", "shown")
        self.blind = self._counter(
            "extensions_set",
            "Extensions muted (or opened) as a whole, because their calls could not be seen.",
            "muted",
        )
        self.api_losses = self._counter("api_losses", "Times that the mute API failed for all calls.")
        self.polling_losses = self._counter(
            "polling_losses", "Times that Active Calls could not be counted on any more."
        )
        self.foreign = self._counter("mutes_foreign", "Covered calls that somebody else had muted already.")
        self.sections_started = self._counter("sections_started", "Sections that started.")
        self.sections_renewed = self._counter("sections_renewed", "Starts of sections that ran already.")
        self.sections_ignored = self._counter("sections_ignored", "Starts without effect.")
        self.sections_ended = self._counter("sections_ended", "Sections that ended, by cause.", "cause")
        self.logins = self._counter("logins", "Logins and token refreshes, by result.", "result")
        self.feed_losses = self._counter("feed_losses", "Times that the feed's connection was lost.")
        self.feed_rejected = self._counter("feed_events_rejected", "Feed events that could not be understood.")
        self.store_losses = self._counter("store_losses", "Times that Redis stopped answering.")
        self.store_slow = self._counter("store_slow", "Requests sent before Redis had their intention.")
        self.store_dropped = self._counter(
            "store_dropped", "Entries for streams in Redis that found no room while it was away."
        )
        self.store_skipped = Gauge(
            f"{PREFIX}_store_skipped",
            "Values in Redis that could not be read when this process took the account up.",
            ("account",),
            registry=self.registry,
        )
        self.owned = Gauge(
            f"{PREFIX}_owner", "1 while this process works for the account.", ("account",), registry=self.registry
        )
        self.clock_steps = self._process_counter("clock_steps", "Times that the machine's clock jumped.")
        self.audit_losses = self._process_counter(
            "audit_losses", "Times that the files of the audit could not be written."
        )
        self.audit_up = Gauge(
            f"{PREFIX}_audit_up", "1 while the files of the audit can be written.", registry=self.registry
        )
        self.audit_up.set(1)
        self.crm_messages = self._process_counter("crm_messages", "Messages of the CRM, by result.", "result")
        self.crm_waits = Histogram(
            f"{PREFIX}_crm_message_wait_seconds",
            "From when a message was written to its stream until it was taken.",
            buckets=_SECONDS_LAIN,
            registry=self.registry,
        )
        self.crm_gaps = self._process_counter("crm_gaps", "Times in which messages may have been missed.")
        self.crm_connected = Gauge(
            f"{PREFIX}_crm_connected",
            "1 while messages of the CRM are heard from all sources.",
            registry=self.registry,
        )
        self.http_requests = self._process_counter(
            "http_requests",
            "Requests to the HTTP server, by class of the answer's status.",
            "route",
            "method",
            "status",
        )
        self.http_refusals = self._process_counter(
            "http_refusals", "Requests to the HTTP API that were not allowed.", "why"
        )
        for why in REFUSALS:
            self.http_refusals.labels(why)
        for result in MESSAGE_RESULTS:
            self.crm_messages.labels(result)

    def follow(self, account: str, now: Callable[[], Now]) -> None:
        """Show this account's figures from here on; `now` is asked at each scrape."""
        self._states.follow(account, now)
        for family in (self.exposure, self.overmute, self.requests, self.unprotected, self.covered, self.gone):
            family.labels(account)
        for gauge in (self.owned, self.store_skipped):
            gauge.labels(account)
        for counter in (self.foreign, self.sections_started, self.sections_renewed, self.sections_ignored):
            counter.labels(account)
        for counter in (self.feed_losses, self.feed_rejected, self.store_losses, self.store_slow, self.store_dropped):
            counter.labels(account)
        for counter in (self.alarms, self.api_losses, self.polling_losses):
            counter.labels(account)
        for muted in ("true", "false"):
            self.verified.labels(account, muted)
            self.blind.labels(account, muted)
        for shown in ("muted", "open"):
            self.drifted.labels(account, shown)
        for verdict in Verdict:
            self.attempts.labels(account, verdict.value, "true")
            self.attempts.labels(account, verdict.value, "false")
        for cause in EndCause:
            self.sections_ended.labels(account, cause.value)
        for result in LOGIN_RESULTS:
            self.logins.labels(account, result)
        for result in POLL_RESULTS:
            self.polls.labels(account, result)

    def page(self) -> bytes:
        """All of them in Prometheus' text format, version 0.0.4."""
        return generate_latest(self.registry)

    def _histogram(self, name: str, meaning: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(f"{PREFIX}_{name}", meaning, ("account",), buckets=buckets, registry=self.registry)

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(f"{PREFIX}_{name}", meaning, ("account", *labels), registry=self.registry)

    def _process_counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(f"{PREFIX}_{name}", meaning, labels, registry=self.registry)

    def _info(self, name: str, meaning: str) -> Info:
        return Info(f"{PREFIX}_{name}", meaning, registry=self.registry)


class _States(Collector):
    """Gauges that are read from the accounts' states."""

    def __init__(self) -> None:
        self._accounts: dict[str, Callable[[], Now]] = {}

    def follow(self, account: str, now: Callable[[], Now]) -> None:
        self._accounts[account] = now

    def collect(self) -> Iterator[Metric]:
        nows = {account: now() for account, now in self._accounts.items()}
        sections = _gauge("sections_active", "Sections that run now.")
        mutes = _gauge("mutes_active", "Claims on recordings, by how far they are.", "stage")
        calls = _gauge("calls_live", "Calls known now.")
        extensions = _gauge("extensions", "Extensions of the account.")
        feed = _gauge("feed_state", "1 for the state that the feed is in, 0 for the others.", "state")
        exposure = _gauge("exposure_now_seconds", "How long the longest of the covered calls that are open has been.")
        overmute = _gauge("overmute_now_seconds", "How long the longest muted call that nothing covers has been so.")
        backlog = _gauge("backlog", "1 while messages that came unheard are read: no recording is opened before.")
        api = _gauge("api_up", "0 while the mute API fails for all calls.")
        store = _gauge("store_up", "1 while Redis answers.")
        for account, now in nows.items():
            sections.add_metric((account,), now.sections)
            calls.add_metric((account,), now.calls)
            extensions.add_metric((account,), now.extensions)
            exposure.add_metric((account,), now.exposure_s)
            overmute.add_metric((account,), now.overmute_s)
            backlog.add_metric((account,), now.backlog)
            api.add_metric((account,), now.api_up)
            store.add_metric((account,), now.store_up)
            for stage, count in now.mutes.items():
                mutes.add_metric((account, stage.value), count)
            for state in FeedState:
                feed.add_metric((account, state.value), now.feed is state)
        yield from (sections, mutes, exposure, overmute, calls, extensions, feed, backlog, api, store)
        yield GaugeMetricFamily(f"{PREFIX}_tasks", "Tasks of the process's loop.", value=_tasks())


def _tasks() -> int:
    try:
        return len(asyncio.all_tasks())
    except RuntimeError:  # asked outside of a loop: there are none
        return 0


def _gauge(name: str, meaning: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"{PREFIX}_{name}", meaning, labels=("account", *labels))
