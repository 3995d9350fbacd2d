"""The catalogue of log events: every name, its level, its fields, what it means.

Guarantees: no line leaves the daemon under a name, or with a field, that does not stand here (`logs` sees to
it); docs/logs.md lists exactly this (a test compares). Each event is written in one place only.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Limit:
    """Of an event that may come in storms: the first is written at once, then one line in `every_s`, which says how
    many came (`repeats`)."""

    every_s: float
    alike: tuple[str, ...]
    """Lines that agree in these fields are the same, whatever the place in a payload that they name."""


@dataclass(frozen=True, slots=True)
class Event:
    name: str
    level: Level
    fields: tuple[str, ...]
    meaning: str
    limit: Limit | None = None


FIELDS: Mapping[str, str] = {
    "account": "the account, by its name in the configuration; missing where it concerns the process",
    "accounts": "the accounts, by their names",
    "action_id": "Voicenter's ActionID of the request that did it",
    "after_s": "seconds that it was away, or that it took",
    "attempts": "requests that it took, or that failed in a row",
    "by": "who did it: the name of the token, or loopback (where no token is configured)",
    "by_s": "seconds; above 0: ahead",
    "calls": "the calls covered (ivrids), or how many calls are up",
    "cause": "what ended it: message, operator, expired, idle",
    "changed": "keys of the configuration that hold as they were read from now on; missing: none",
    "day": "a day in UTC",
    "detail": "a short word on the answer, of our own making",
    "dropped": "fields left out of this line because the catalogue does not name them (a bug)",
    "drifts": "how often this happened to this mute",
    "duration_ms": "milliseconds that the request took",
    "duration_s": "seconds from the section's first start to its end",
    "engineio": "generation of the Engine.IO protocol spoken, 3 or 4",
    "entries": "how many entries of a stream",
    "error": "types of the exceptions, never their texts",
    "expires_in_s": "seconds until it expires; missing: never",
    "exposure_ms": "milliseconds that the call was covered, yet recorded",
    "extension": "SIP id; of calls.polled and calls.poll.failed, missing: all extensions were asked for",
    "extensions": "how many extensions the account has",
    "field": "field of the hash: a section_id, an ivrid or a SIP id",
    "for_s": "seconds, up to now, in which it may have happened",
    "http": "the address of the health and metrics pages",
    "ivrid": "the call's id",
    "key": "a key in Redis",
    "kind": "started or ended",
    "last_hash": "hash of the last record of that day",
    "library_level": "the level that the library gave it",
    "logger": "name of the library's logger",
    "lost": "log lines that could not be written and are lost",
    "max_s": "seconds from its last start until it expires",
    "method": "GET, HEAD, PUT, POST or DELETE; OTHER for any other",
    "mistake": "what is wrong with the configuration, as `check` tells it",
    "muted": "what was asked for: true to mute, false to open",
    "name": "name of the feed's event; GetExtensionsCalls for an answer of Active Calls",
    "open_ms": "milliseconds that the recording has not been as wanted",
    "overmute_ms": "milliseconds that the call stayed muted after its last cover ended",
    "needs_restart": "keys of the configuration that changed and hold only after a restart; missing: none",
    "reason": "why it covers the call: leg, related, target",
    "policy": "the policy that decides from now on, each key as name=value",
    "records": "records of the audit since it began",
    "redis": "embedded (the daemon runs it), or given",
    "repeats": "how often the same came since it was last logged; missing: it is the first",
    "refreshed": "true: the token was refreshed; false: logged in anew",
    "refused": "true: Voicenter said no; false: it could not be asked",
    "route": "which path was asked for, as in docs/http-api.md; other: none of them",
    "retry_in_s": "seconds until the next attempt",
    "section_id": "the section's id, as the CRM gave it",
    "section_ids": "the sections that cover the call",
    "server": "the server's address",
    "seen_s": "how old the evidence is, in seconds",
    "servers": "how many servers the login named",
    "shifted_s": "seconds added to the times that the owner before wrote, as its clock was another; missing: none",
    "shown": "what was seen: true is muted",
    "signal": "the signal received",
    "source": "where messages come from: stream:, list: or pubsub:, and its name in the configuration; http, webhook",
    "status": "the status code of the answer",
    "ticket": "the ticket that was given for it; missing: none",
    "token": "the ownership's number: grows with every new owner",
    "user_id": "Voicenter's user id",
    "verdict": "what the request came to: done, not_found, refused, busy, failed, unsent, lost",
    "version": "the daemon's version",
    "waited_s": "seconds waited",
    "where": "places in source code, file:line",
    "why": "the reason, in words of our own; of what was done by hand, one of those in docs/page-interface.md",
}

_TARGET = ("extension", "user_id", "ivrid")

DAEMON_STARTED = Event(
    "daemon.started",
    Level.INFO,
    ("version", "accounts", "redis", "http"),
    "The daemon is up, and works as soon as it owns its accounts.",
)
CONFIG_RELOADED = Event(
    "config.reloaded",
    Level.INFO,
    ("changed", "needs_restart", "policy"),
    "The configuration was read again: policy and log level are taken over, all else is not.",
)
CONFIG_REJECTED = Event(
    "config.rejected",
    Level.ERROR,
    ("mistake",),
    "The configuration that was read again is wrong, and nothing of it is taken: a line for each mistake.",
)
DAEMON_STOPPING = Event(
    "daemon.stopping", Level.INFO, ("signal",), "It was asked to stop: no more messages are taken; nothing is opened."
)
DAEMON_STOPPED = Event("daemon.stopped", Level.INFO, ("why",), "It has stopped as asked; sections stay in Redis.")
DAEMON_CRASHED = Event(
    "daemon.crashed",
    Level.ERROR,
    ("error", "where"),
    "A bug or a fault that nothing handles ended the process; sections stay in Redis for the next one.",
)
TASK_FAILED = Event(
    "task.failed",
    Level.ERROR,
    ("error", "where"),
    "An exception that nobody took, from the loop or a thread.",
)
LIBRARY_LOG = Event(
    "library.log",
    Level.WARNING,
    ("logger", "library_level", "where", "error", "repeats"),
    "A library logged a warning or worse (error: level error). Its text is withheld: it may hold a token. "
    "The same place in code is told once in 10 s.",
)
LINES_LOST = Event(
    "log.lost", Level.WARNING, ("lost",), "Whoever reads the log was too slow; the daemon does not wait for its log."
)

LOGIN_DONE = Event(
    "login.done", Level.INFO, ("refreshed", "servers", "expires_in_s"), "Logged in to Voicenter, or token refreshed."
)
LOGIN_FAILED = Event(
    "login.failed",
    Level.WARNING,
    ("why", "refused", "retry_in_s"),
    "No login (refused: level error). Without one nothing is known of the account's calls.",
)
FEED_CONNECTED = Event("feed.connected", Level.INFO, ("server", "engineio"), "Connected; the snapshot is awaited.")
FEED_SYNCING = Event("feed.syncing", Level.DEBUG, ("extensions", "calls"), "The feed is up, the snapshot on its way.")
FEED_SYNCED = Event("feed.synced", Level.INFO, ("extensions", "calls"), "A snapshot came: every call is known.")
FEED_STALE = Event(
    "feed.stale", Level.WARNING, ("extensions", "calls"), "Connected, but nothing is heard: calls may be missing."
)
FEED_DOWN = Event(
    "feed.down", Level.DEBUG, ("extensions", "calls"), "What is known of the calls is no longer kept up to date."
)
FEED_LOST = Event("feed.lost", Level.WARNING, ("server", "why", "retry_in_s"), "The connection broke or was ended.")
FEED_EVENT_REJECTED = Event(
    "feed.event.rejected",
    Level.WARNING,
    ("name", "why", "repeats"),
    "An event, or a part of it, could not be understood and was passed over. The same is told once in 10 s.",
    Limit(10.0, ("name", "why")),
)

CALLS_POLLED = Event("calls.polled", Level.DEBUG, ("extension", "duration_ms"), "Active Calls told the calls.")
CALLS_POLL_FAILED = Event(
    "calls.poll.failed",
    Level.WARNING,
    ("extension", "why", "duration_ms", "repeats"),
    "Active Calls could not be asked, or did not answer to the point. The same is told once in 60 s.",
    Limit(60.0, ("why",)),
)

SECTION_STARTED = Event(
    "section.started", Level.INFO, ("section_id", *_TARGET, "max_s"), "From now on nothing of its target is recorded."
)
SECTION_RENEWED = Event(
    "section.renewed", Level.INFO, ("section_id", *_TARGET, "max_s"), "Started again while it ran: its time is anew."
)
SECTION_IGNORED = Event(
    "section.ignored", Level.WARNING, ("section_id", "why"), "A start without effect: a copy, ended before, too late."
)
SECTION_EXPIRING = Event(
    "section.expiring", Level.WARNING, ("section_id", *_TARGET, "expires_in_s"), "No end was heard; it expires soon."
)
SECTION_ENDED = Event(
    "section.ended",
    Level.INFO,
    ("section_id", *_TARGET, "cause", "duration_s", "calls"),
    "It covers nothing any more (cause expired: level warning, as the CRM never said so).",
)

CALL_COVERED = Event(
    "call.covered",
    Level.INFO,
    ("ivrid", "section_id", "extension", "reason"),
    "From now on a section covers the call.",
)
CALL_MUTED = Event(
    "call.muted",
    Level.INFO,
    ("ivrid", "section_ids", "exposure_ms", "attempts", "action_id"),
    "Voicenter confirmed the mute (without exposure_ms: the cover had ended by then).",
)
CALL_UNMUTED = Event(
    "call.unmuted",
    Level.INFO,
    ("ivrid", "overmute_ms", "attempts", "action_id"),
    "Voicenter confirmed that the recording runs (without overmute_ms: covered again by then).",
)
CALL_EXPOSED = Event(
    "call.exposed", Level.ERROR, ("ivrid", "exposure_ms"), "Its cover ended before any mute was confirmed."
)
CALL_GONE = Event("call.gone", Level.INFO, ("ivrid",), "Voicenter does not know the call any more: nothing to do.")
MUTE_FOREIGN = Event(
    "mute.foreign", Level.WARNING, ("ivrid",), "Somebody else muted this covered call before us: left as it is."
)
MUTE_FAILED = Event(
    "mute.failed",
    Level.WARNING,
    ("ivrid", "muted", "verdict", "detail", "attempts", "retry_in_s", "open_ms"),
    "A request failed and is made again (from the 5th in a row: level error).",
)
SECTION_EXPOSED = Event(
    "section.exposed",
    Level.ERROR,
    ("section_ids", "ivrid", "open_ms", "attempts", "verdict"),
    "A covered call is open for longer than policy.exposure_alert_ms, and still is. "
    "Told again each time that the time has doubled, and then every minute.",
)
CALL_VERIFIED = Event(
    "call.verified",
    Level.DEBUG,
    ("ivrid", "muted", "after_s"),
    "The feed or a poll shows it as Voicenter confirmed it.",
)
MUTE_DRIFTED = Event(
    "mute.drifted",
    Level.ERROR,
    ("ivrid", "shown", "seen_s", "drifts"),
    "The recording is seen other than Voicenter confirmed: it is asked for anew.",
)
MUTE_REAFFIRMED = Event(
    "mute.reaffirmed",
    Level.INFO,
    ("ivrid", "muted", "action_id"),
    "Asked once more for what holds, because an unanswered request for the opposite might have come after it.",
)
MUTE_DOUBTED = Event(
    "mute.doubted",
    Level.WARNING,
    ("ivrid",),
    "Its cover ended, or the call, before it could be asked for once more: whether an unanswered request to open was "
    "applied after the mute is not known.",
)
EXTENSION_MUTED = Event(
    "extension.muted",
    Level.INFO,
    ("extension", "action_id"),
    "Its calls cannot be seen (feed not synced, or no polling): whatever it has up was muted.",
)
EXTENSION_UNMUTED = Event(
    "extension.unmuted", Level.INFO, ("extension", "action_id"), "That was taken back: no section is aimed at it."
)
API_ATTEMPT = Event(
    "api.attempt",
    Level.DEBUG,
    ("ivrid", "extension", "muted", "verdict", "duration_ms"),
    "One request is over (with extension: for whatever calls that has up).",
)
API_DOWN = Event(
    "api.down",
    Level.ERROR,
    ("verdict", "detail", "attempts"),
    "The mute API fails for all calls: from here single failures are not told. It is tried on.",
)
API_BACK = Event("api.back", Level.INFO, ("after_s", "attempts"), "The mute API answers again.")
POLLING_LOST = Event(
    "polling.lost",
    Level.ERROR,
    ("why", "refused"),
    "Active Calls cannot be counted on: mutes are not verified, extensions with a section are muted as a whole.",
)
POLLING_BACK = Event("polling.back", Level.INFO, (), "Active Calls answers again.")

HAND_MUTED = Event(
    "hand.muted",
    Level.WARNING,
    ("ivrid", "section_id", "by", "why", "ticket"),
    "Somebody had the call muted by hand: by a section on it, which ends like any other.",
)
HAND_RELEASED = Event(
    "hand.released",
    Level.WARNING,
    ("ivrid", "by", "why", "ticket"),
    "Somebody wants the recording to run, whoever muted it: from now on it is ours, and asked for.",
)
HAND_ENDED = Event(
    "hand.ended",
    Level.WARNING,
    ("section_id", "calls", "by", "why", "ticket"),
    "Somebody ended the section by hand.",
)

CRM_CONNECTED = Event("crm.connected", Level.INFO, ("source",), "Messages of the CRM are heard.")
CRM_LOST = Event("crm.lost", Level.WARNING, ("source", "why", "retry_in_s"), "Messages of the CRM are not heard.")
CRM_GAP = Event(
    "crm.gap",
    Level.WARNING,
    ("source", "for_s"),
    "Messages may have been missed in this time: published while nobody listened, or trimmed before they were read.",
)
CRM_MESSAGE_TAKEN = Event(
    "crm.message.taken", Level.DEBUG, ("source", "kind", "waited_s"), "A message was understood."
)
CRM_MESSAGE_REJECTED = Event(
    "crm.message.rejected",
    Level.WARNING,
    ("source", "why", "repeats"),
    "A message was wrong and has no effect. The same is told once in 10 s.",
    Limit(10.0, ("source", "why")),
)

HTTP_REQUEST = Event(
    "http.request", Level.DEBUG, ("route", "method", "status"), "A request to the daemon's HTTP server was answered."
)
HTTP_REFUSED = Event(
    "http.refused",
    Level.WARNING,
    ("why", "repeats"),
    "Somebody may not use the HTTP API, or not for what was asked. The same is told once in 60 s.",
    Limit(60.0, ("why",)),
)

STORE_LOST = Event("store.lost", Level.ERROR, ("why",), "Redis is away: muting goes on from memory.")
STORE_BACK = Event("store.back", Level.INFO, ("after_s",), "Redis is back and is brought up to date.")
STORE_SLOW = Event(
    "store.slow",
    Level.WARNING,
    ("waited_s",),
    "A request went out before Redis had its intention.",
)
STORE_SKIPPED = Event(
    "store.skipped",
    Level.ERROR,
    ("key", "field", "why"),
    "A value that an earlier process left in Redis cannot be read: the section or mute that it was is not acted on.",
)
STORE_DROPPED = Event(
    "store.dropped",
    Level.WARNING,
    ("key", "entries"),
    "While Redis was away so many entries of this stream found no room; they will never stand there.",
)

OWNER_REFUSED = Event(
    "owner.refused", Level.WARNING, ("why",), "Another process works for the account; this one waits its turn."
)
OWNER_TAKEN = Event(
    "owner.taken", Level.INFO, ("token", "waited_s", "shifted_s"), "From now on this process works for the account."
)
OWNER_RELEASED = Event(
    "owner.released", Level.INFO, (), "The process stops as asked: another one may take the account at once."
)
OWNER_LOST = Event(
    "owner.lost",
    Level.ERROR,
    ("why",),
    "Another process works for the account now: this one sends nothing more and ends with exit code 1.",
)
CLOCK_STEPPED = Event(
    "clock.stepped",
    Level.WARNING,
    ("by_s",),
    "The machine's clock jumped. The daemon's own time, also in these lines' fields, goes on evenly.",
)

AUDIT_LOST = Event(
    "audit.lost", Level.ERROR, ("why",), "The files of the audit cannot be written: it is tried again every second."
)
AUDIT_BACK = Event(
    "audit.back", Level.INFO, ("after_s",), "They can be written again; a record there tells what is missing."
)
AUDIT_DAY = Event(
    "audit.day",
    Level.INFO,
    ("day", "records", "last_hash"),
    "A day of the audit is complete. The hash, kept elsewhere, is an anchor for `audit verify`.",
)

CATALOGUE: Mapping[str, Event] = {
    event.name: event for event in tuple(globals().values()) if isinstance(event, Event)
}
