"""How patient, how watchful, how long: the figures by which the core decides, in one place."""

from msgspec import Struct


class Policy(Struct, frozen=True):
    """What the operator may set (seconds), and what follows from the vendor's ways."""

    default_section_s: float = 900.0
    max_section_s: float = 3600.0
    expiring_notice_s: float = 30.0
    hold_on_expiry: bool = False
    end_after_idle_s: float = 0.0
    """0 is off."""
    backoff_first_s: float = 0.1
    backoff_most_s: float = 2.0
    busy_most_s: float = 60.0
    """A 429 is obeyed as told up to here: a server's mistake must not open recordings for an hour."""
    evidence_grace_s: float = 2.0
    """How long after a confirmation the vendor may still show the state before it."""
    late_s: float = 5.0
    """How long after it was given up a request may still be applied."""
    unseen_s: float = 10.0
    """For how long a call may be up and not seen: until an event that lags, or the next poll, shows it; and for how
    long one that the CRM names may be about to begin."""
    release_watch_s: float = 30.0
    """How long a release is watched for evidence against it."""
    exposure_alert_s: float = 1.5
    """A covered call that is open for longer is told of, and again each time that this has doubled."""
    exposure_alert_most_s: float = 60.0
    verify_s: float = 5.0
    """While a section is active, its extension is polled this often ..."""
    suspect_s: float = 2.0
    """... and this often while the section covers no live call."""
    poll_singly: int = 20
    """With more extensions to poll, one request asks for all."""
    poll_rest: float = 3.0
    """A key is not polled anew before so many times the time that its last poll took: large answers are dear ..."""
    poll_rest_most_s: float = 30.0
    """... but not later than this: it may be the process that stood still."""
    poll_patience: int = 3
    """So many failed polls in a row: polling cannot be counted on."""
    poll_refused_s: float = 60.0
    """How soon a poll that was refused is tried again."""
    blind_every_s: float = 5.0
    """How often an extension whose calls cannot be seen is asked for again."""
    api_down_after: int = 5
    """So many failed requests in a row, whichever the calls: the API is down."""
    probe_every_s: float = 0.2
    """While the API is down, requests go out no closer together than this."""
    keep_gone_s: float = 60.0
    """So long a call that the API does not know is remembered as one that we muted."""
    sections_most: int = 50_000
    """No more than so many sections run at once: a CRM that has gone wrong must not take all memory."""
    keep_ended_s: float = 3600.0
    keep_ended_most: int = 100_000
    """Of more ended sections than this the oldest are forgotten before their time."""
    keep_messages_most: int = 100
    """So many ids of messages are kept of one section: it may be renewed without end."""
