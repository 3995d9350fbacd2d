"""How the mute API as a whole does: so that an outage is told once, not for each call, and does not become a storm.

Guarantees: it is down after `api_down_after` failed requests in a row, whichever the calls; from then on requests go
out no closer together than `probe_every_s`; one that succeeds brings it back, and with it every call that waits.
"""

from msgspec.structs import replace

from orchestrator.core.changes import Changes
from orchestrator.core.claims import Outcome, Verdict
from orchestrator.core.notices import ApiBack, ApiLost
from orchestrator.core.policy import Policy
from orchestrator.core.state import Api, State

_ANSWERS = (Verdict.DONE, Verdict.NOT_FOUND)
"""What only an API that works says."""


def hear(state: State, outcome: Outcome, now: float, policy: Policy, changes: Changes) -> None:
    """One request is over: take it as a sign of how the API does."""
    if outcome.verdict is Verdict.BUSY:
        told_s = outcome.retry_after_s or 0.0
        state.api = replace(state.api, resumes_at=max(state.api.resumes_at, now + min(told_s, policy.busy_most_s)))
    elif outcome.verdict in _ANSWERS:
        _come_back(state, now, changes)
    else:
        _fail(state, outcome, now, policy, changes)


def resumes_at(state: State) -> float:
    """When a request may go out next, as far as the API as a whole is concerned."""
    return max(state.api.resumes_at, state.api.probe_at)


def spend(state: State, now: float, policy: Policy) -> None:
    """A request is about to be sent."""
    if state.api.down_since is not None:
        state.api = replace(state.api, probe_at=now + policy.probe_every_s)


def backoff_s(attempts: int, jitter: float, policy: Policy) -> float:
    """Full jitter: anywhere between nothing and a bound that doubles with each failure."""
    return jitter * min(policy.backoff_most_s, policy.backoff_first_s * 2.0 ** min(attempts - 1, 30))


def _fail(state: State, outcome: Outcome, now: float, policy: Policy, changes: Changes) -> None:
    state.api = replace(state.api, failures=state.api.failures + 1)
    if state.api.down_since is None and state.api.failures >= policy.api_down_after:
        state.api = replace(state.api, down_since=now)
        changes.tell(ApiLost(outcome.verdict, outcome.detail, state.api.failures))


def _come_back(state: State, now: float, changes: Changes) -> None:
    api = state.api
    if api.failures:
        state.api = Api(resumes_at=api.resumes_at)
    if api.down_since is None:
        return
    changes.tell(ApiBack(now - api.down_since, api.failures))
    for ivrid, mute in state.mutes.items():
        if mute.attempts:
            state.mutes[ivrid] = replace(mute, attempts=0, retry_at=0.0)
            changes.calls.add(ivrid)
    changes.calls |= state.mutes.keys()
    for sip, claim in state.blind.items():
        state.blind[sip] = replace(claim, attempts=0, next_at=now) if claim.attempts else claim
        changes.blind.add(sip)
