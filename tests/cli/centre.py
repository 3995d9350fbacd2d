"""A desk with something to look at, as a daemon of a busy centre has."""

from dataclasses import dataclass, field

from orchestrator.web.ports import Document
from tests.web.desk import FakeDesk


def section(section_id: str, state: str, *calls: Document, expires_at: str = "2099-01-01T00:00:00.000Z") -> Document:
    target = {"extension": "SIPSIP1"}
    return {"section_id": section_id, "account": "main", **target, "state": state, "calls": calls} | {
        "started_at": "2026-01-01T00:00:00.000Z",
        "expires_at": expires_at,
    }


def call(ivrid: str, state: str | None, *sections: str, exposure_ms: int | None = None) -> Document:
    named = {"ivrid": ivrid, "account": "main", "extensions": ["SIPSIP1"], "sections": sections}
    return named | {"state": state, "exposure_ms": exposure_ms, "action_id": None}


@dataclass
class Centre(FakeDesk):
    active: list[Document] = field(default_factory=list)
    up: list[Document] = field(default_factory=list)
    asked_of: list[str | None] = field(default_factory=list)
    """Which account, each time."""

    def sections(self, account: str | None) -> list[Document]:
        self._answer()
        self.asked_of.append(account)
        return self.active

    def calls(self, account: str | None) -> list[Document]:
        self._answer()
        return self.up
