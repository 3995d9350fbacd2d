"""Webhooks signed as Standard Webhooks has it (https://www.standardwebhooks.com).

Guarantees: what is handed in was signed with one of our secrets within five minutes of now; the same id has its
effect once while its signature holds, and a sender that asks again because it heard no answer gets the one that is
due. What is remembered is bounded, and only what was signed right is remembered.
"""

from collections.abc import Mapping, Sequence

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from orchestrator.clock import Clock
from orchestrator.web.ports import Handed, Unfit

SIGNED_WITHIN_S = 300.0
"""The library's own bound, either way."""
MOST_REMEMBERED = 10_000
_MOST_CHARACTERS = 128


class Unverified(Exception):
    """No secret of ours signed this, or not lately."""


class Webhooks:
    def __init__(self, secrets: Sequence[str], clock: Clock) -> None:
        """Several secrets: while one replaces another, both hold."""
        self._hooks = [Webhook(secret) for secret in secrets]
        self._clock = clock
        self._taken: dict[str, tuple[float, Handed]] = {}

    @property
    def expected(self) -> bool:
        """Whether there is a secret to sign with."""
        return bool(self._hooks)

    def verified(self, headers: Mapping[str, str], body: bytes) -> str:
        """The id of the webhook. Raises `Unverified`."""
        if not any(_signed(hook, headers, body) for hook in self._hooks):
            raise Unverified
        name = headers["webhook-id"]
        if len(name) > _MOST_CHARACTERS or not name.isprintable():
            raise Unfit(f"webhook-id: not a text of 1 to {_MOST_CHARACTERS} printable characters")
        return name

    def taken(self, name: str) -> Handed | None:
        """What became of the webhook of this id, where it came before."""
        found = self._taken.get(name)
        return None if found is None else found[1]

    def remember(self, name: str, handed: Handed) -> None:
        """For as long as its signature can hold: it may be dated five minutes ahead."""
        now = self._clock.now()
        while self._taken and (len(self._taken) >= MOST_REMEMBERED or self._oldest_at() < now - 2 * SIGNED_WITHIN_S):
            del self._taken[next(iter(self._taken))]
        self._taken[name] = (now, handed)

    def _oldest_at(self) -> float:
        return next(iter(self._taken.values()))[0]


def _signed(hook: Webhook, headers: Mapping[str, str], body: bytes) -> bool:
    try:
        hook.verify(body, dict(headers), json_parse=False)
    except (WebhookVerificationError, ValueError):  # the latter for headers and bodies that make no sense
        return False
    return True
