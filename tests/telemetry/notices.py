"""One of every kind of notice, with hostile text wherever text can stand."""

from orchestrator.core.model import CoverReason, EndCause, FeedState, OnCall, OnExtension, OnUser, Section, Verdict
from orchestrator.core.notices import (
    CallCovered,
    CallExposed,
    CallGone,
    CallMuted,
    CallUnmuted,
    FeedTurned,
    MuteFailed,
    MuteForeign,
    Notice,
    SectionClosed,
    SectionExpiring,
    SectionIgnored,
    SectionOpened,
    SectionRenewed,
)
from orchestrator.engine.notices import (
    AttemptMade,
    CrmConnected,
    CrmGap,
    CrmLost,
    EdgeNotice,
    FeedConnected,
    FeedEventRejected,
    FeedLost,
    LoginDone,
    LoginFailed,
    MessageRejected,
    MessageTaken,
    PollMade,
    StoreBack,
    StoreLost,
    StoreSlow,
)

SECRET = "Jane Doe 4111111111111111"
HOSTILE = 'x\x1b[2J\n{"event": "forged"}\u2028' + "y" * 1000

SECTION = Section(
    HOSTILE,
    OnExtension(HOSTILE),
    started_at=100.0,
    renewed_at=100.0,
    expires_at=400.0,
    reason=SECRET,
    messages=frozenset({SECRET}),
)
ON_USER = Section("s", OnUser("7"), started_at=100.0, renewed_at=100.0, expires_at=400.0)
ON_CALL = Section("s", OnCall("i"), started_at=100.0, renewed_at=100.0, expires_at=400.0)

EVERY: tuple[Notice | EdgeNotice, ...] = (
    *(FeedTurned(feed, 3, 2) for feed in FeedState),
    SectionOpened(SECTION),
    SectionOpened(ON_USER),
    SectionOpened(ON_CALL),
    SectionRenewed(SECTION),
    SectionIgnored(HOSTILE, "a copy"),
    SectionExpiring(SECTION, 30.0),
    *(SectionClosed(SECTION, cause, 250.0) for cause in EndCause),
    CallCovered(HOSTILE, HOSTILE, HOSTILE, CoverReason.LEG),
    CallMuted(HOSTILE, frozenset({HOSTILE, "b"}), 0.1815, 1, HOSTILE),
    CallMuted("i", frozenset(), None, 1, ""),
    CallUnmuted(HOSTILE, 0.2, 1, HOSTILE),
    CallUnmuted("i", None, 2, ""),
    CallExposed(HOSTILE, 3.0),
    CallGone(HOSTILE),
    MuteForeign(HOSTILE),
    MuteFailed(HOSTILE, True, Verdict.LOST, HOSTILE, 1, 0.05, 3.1),
    MuteFailed("i", True, Verdict.LOST, "", 5, 0.05, 3.1),
    LoginDone(False, 3, None),
    LoginDone(True, 3, 3600.0),
    LoginFailed(HOSTILE, True, 60.0),
    LoginFailed("no route", False, 2.0),
    FeedConnected(HOSTILE, 3),
    FeedLost(HOSTILE, HOSTILE, 1.0),
    FeedEventRejected(HOSTILE, HOSTILE),
    CrmConnected("crm.sensitive"),
    CrmGap("crm.sensitive", 1.5),
    CrmLost("crm.sensitive", HOSTILE, 1.0),
    MessageTaken("crm.sensitive", "started"),
    MessageTaken("crm.sensitive", HOSTILE),
    MessageRejected("crm.sensitive", HOSTILE),
    StoreLost(HOSTILE),
    StoreBack(4.0),
    StoreSlow(0.05),
    AttemptMade(HOSTILE, True, Verdict.DONE, 0.03),
    PollMade(HOSTILE, True, "", 0.03),
    PollMade(None, False, HOSTILE, 3.0),
    PollMade(HOSTILE, False, "no answer in time", 3.0),
)
