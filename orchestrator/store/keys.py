"""The names of the keys of one account, in one place (docs/redis.md tells readers about them).

Guarantee: all keys of an account carry `{account}` as their hash tag, so in a cluster they share one slot and can
be written in one atomic step.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Keys:
    namespace: str
    account: str

    def __post_init__(self) -> None:
        for name, value in (("namespace", self.namespace), ("account", self.account)):
            if not value or set(value) & set("{}"):
                raise ValueError(f"{name}: {value!r} must be non-empty and without braces: it is part of Redis keys")

    def extension(self, sip: str) -> str:
        """Hash ivrid -> leg JSON; missing while the extension has no call."""
        return f"{self._prefix}:extension:{sip}"

    @property
    def extensions(self) -> str:
        """Set of the SIP ids that have such a hash."""
        return f"{self._prefix}:extensions"

    @property
    def sections(self) -> str:
        """Hash section_id -> section JSON, the active ones."""
        return f"{self._prefix}:sections"

    @property
    def ended(self) -> str:
        """Hash section_id -> JSON, what is kept for an hour of those that ended."""
        return f"{self._prefix}:ended"

    @property
    def mutes(self) -> str:
        """Hash ivrid -> mute JSON."""
        return f"{self._prefix}:mutes"

    @property
    def blind(self) -> str:
        """Hash SIP id -> JSON, the extensions muted as a whole because their calls could not be seen."""
        return f"{self._prefix}:blind"

    @property
    def audit(self) -> str:
        """Stream of what was done, and why."""
        return f"{self._prefix}:audit"

    @property
    def status(self) -> str:
        """Stream of how sections stand, as the CRM is told."""
        return f"{self._prefix}:status"

    @property
    def status_channel(self) -> str:
        """Pub/sub channel of the same, for all accounts."""
        return f"{self.namespace}.status"

    @property
    def owner(self) -> str:
        """Which process works for this account."""
        return f"{self._prefix}:owner"

    @property
    def _prefix(self) -> str:
        return f"{self.namespace}:{{{self.account}}}"
