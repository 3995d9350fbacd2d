"""The desk: where messages are handed in, whatever way they came, and where it is asked how things stand.

Guarantees: a message goes to the one account that it is for; what is told is worked out from the state at that
moment; and over HTTP nothing is taken or told unless this process works for the accounts: what waits for its turn
knows nothing of them.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from orchestrator.clock import WallClock, utc
from orchestrator.core import view
from orchestrator.core.facts import SectionEnded, SectionStarted
from orchestrator.core.model import EndedSection, Extension, Section, target_fields
from orchestrator.core.policy import Policy
from orchestrator.core.state import State
from orchestrator.crm.intake import Receipt
from orchestrator.crm.message import CrmMessage, MessageRefused, parse, parse_end, parse_start
from orchestrator.documents import call_document, ended_document, extension_document, running_document
from orchestrator.engine.loop import Engine
from orchestrator.engine.notices import MessageRejected, MessageTaken
from orchestrator.engine.ports import Observer
from orchestrator.web.ports import Clash, Document, Handed, Over, Shut, Unfit, Unheard

HTTP, WEBHOOK = "http", "webhook"


class Keeping(Protocol):
    async def kept(self) -> None: ...


class Served(Protocol):
    """What is needed of an account."""

    @property
    def name(self) -> str: ...

    @property
    def policy(self) -> Policy: ...

    @property
    def engine(self) -> Engine: ...

    @property
    def store(self) -> Keeping:
        """`kept` waits until what was learned before is in Redis."""


class Desk:
    def __init__(self, accounts: Mapping[str, Served], clock: WallClock, observer: Observer) -> None:
        self._accounts = accounts
        self._clock = clock
        self._observer = observer
        self._open = False

    @contextmanager
    def open(self) -> Iterator[None]:
        """Requests are served while this lasts."""
        self._open = True
        try:
            yield
        finally:
            self._open = False

    def deliver(self, message: CrmMessage) -> Receipt:
        """Hand a message to the account it is for. Raises `MessageRefused` where there is none."""
        account = self._named(message.account)
        account.engine.learn(message.fact_by(self._clock))
        return account.store.kept

    def start(self, section_id: str, body: bytes) -> Handed:
        account, fact = self._take(HTTP, lambda: parse_start(section_id, body))
        section = account.engine.state.sections.get(section_id)
        if section is None:
            raise Clash(_why_not(account.engine.state, section_id))
        if isinstance(fact, SectionStarted) and fact.target != section.target:
            (kind,) = target_fields(section.target)
            raise Clash(f"The section runs with another target ({kind}), and keeps it.")
        return Handed(account.name, account.store.kept)

    def end(self, section_id: str, account: str | None) -> Handed:
        of = self.asked(account)
        state = of.engine.state
        section = state.sections.get(section_id)
        calls = () if section is None else view.calls(state, section, self._clock.now())
        self._take(HTTP, lambda: parse_end(section_id, account))
        if section is None:
            return Handed(of.name, of.store.kept)
        ended = state.ended[section_id]
        return Handed(of.name, of.store.kept, ended_document(of.name, section, calls, ended.at, ended.cause))

    def take(self, body: bytes, name: str) -> Handed:
        account, _ = self._take(WEBHOOK, lambda: parse(body, name))
        return Handed(account.name, account.store.kept)

    def section(self, section_id: str, account: str | None) -> Document:
        of = self.asked(account)
        state = of.engine.state
        section, ended = state.sections.get(section_id), state.ended.get(section_id)
        if section is not None:
            return self._document(of, section)
        if ended is not None:
            raise over(ended)
        raise Unheard("No section of this name is known; of one that ended this is so after an hour.")

    async def changed(self, section_id: str, account: str | None) -> None:
        await self.asked(account).engine.standings.changed(section_id)

    def sections(self, account: str | None) -> list[Document]:
        return [
            self._document(of, section)
            for of in self._all_asked(account)
            for _, section in sorted(of.engine.state.sections.items())
        ]

    def extension(self, sip: str, account: str | None) -> Document:
        of = self.asked(account)
        state = of.engine.state
        watching = state.watching.get(sip, frozenset())
        if sip not in state.extensions and not watching:
            raise Unheard("No extension of this SIP id is known.")
        return extension_document(of.name, state.extensions.get(sip, Extension(sip)), watching)

    def calls(self, account: str | None) -> list[Document]:
        return [
            self._call(of, ivrid)
            for of in self._all_asked(account)
            for ivrid in sorted(of.engine.state.calls.keys() | of.engine.state.mutes.keys())
        ]

    def _call(self, account: Served, ivrid: str) -> Document:
        state = account.engine.state
        claim, call = view.call(state, ivrid, self._clock.now()), state.calls.get(ivrid)
        on = frozenset[str]() if call is None else call.on
        return call_document(account.name, ivrid, on, state.covering.get(ivrid, frozenset()), claim)

    def _document(self, account: Served, section: Section) -> Document:
        return running_document(account.name, account.engine.state, section, self._clock.now(), account.policy)

    def _take(self, source: str, read: Callable[[], CrmMessage]) -> tuple[Served, SectionStarted | SectionEnded]:
        """Have the message's effect, and tell whose it was."""
        self._must_be_open()
        try:
            message = read()
            self.deliver(message)
        except MessageRefused as refused:
            self._observer.notice(MessageRejected(source, str(refused)))
            raise Unfit(str(refused)) from None
        self._observer.notice(MessageTaken(source, message.kind, trace=message.trace))
        return self._named(message.account), message.fact

    def _all_asked(self, account: str | None) -> list[Served]:
        if account is not None:
            return [self.asked(account)]
        self._must_be_open()
        return [of for _, of in sorted(self._accounts.items())]

    def asked(self, account: str | None) -> Served:
        """The account that is meant. Raises `Refusal`."""
        self._must_be_open()
        try:
            return self._named(account)
        except MessageRefused as refused:
            raise Unfit(str(refused)) from None

    def _named(self, name: str | None) -> Served:
        """Raises `MessageRefused` where it is none."""
        names = ", ".join(sorted(self._accounts))
        if name is not None:
            account = self._accounts.get(name)
            if account is None:
                raise MessageRefused(f"account: not one of {names}")
        elif len(self._accounts) == 1:
            (account,) = self._accounts.values()
        else:
            raise MessageRefused(f"account: needed where there are several; one of {names}")
        return account

    def _must_be_open(self) -> None:
        if not self._open:
            raise Shut("This process does not work for the accounts: it waits for its turn, or is stopping.")


def over(ended: EndedSection) -> Over:
    cause = ended.cause.value
    return Over(f"The section has ended (cause: {cause}).", cause, utc(ended.at))


def _why_not(state: State, section_id: str) -> str:
    ended = state.ended.get(section_id)
    if ended is not None and ended.cause.final:
        return "The section has ended: a new one needs a new section_id."
    if ended is not None:
        return "The section has expired, and this message is older than that, or a copy of one taken before."
    return "The section is over on arrival: occurred_at + max_seconds is past."
