"""The simulated real-time feed: what clients are told, and when.

Guarantees: events reach every client in the order in which they happened, each late by a lag of its own (never
overtaking); a snapshot says what the events told so far say, so that the two never contradict each other, with
every recording as it is. A client whose token is not good is told so and disconnected.
"""

import asyncio
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from orchestrator.clock import Clock
from orchestrator.simulator import payloads
from orchestrator.simulator.engineio import Session, event_packet
from orchestrator.simulator.payloads import Payload, VendorClock
from orchestrator.simulator.settings import Generation, VoicenterSettings
from orchestrator.simulator.tokens import Tokens


@dataclass(frozen=True, slots=True)
class Told:
    """An event on its way to the clients. The time of sending is put in, unless it has one (of its capture)."""

    name: str
    payload: Payload

    @property
    def sip(self) -> str | None:
        sip = self.payload["data"].get("extenUser")
        return str(sip) if sip else None


class Feed:
    def __init__(
        self,
        settings: VoicenterSettings,
        clock: Clock,
        chance: random.Random,
        tokens: Tokens,
        muted: Callable[[str], bool],
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._chance = chance
        self._tokens = tokens
        self._muted = muted
        self._vendor_clock = VendorClock(settings.offset_min)
        self._lines: dict[str, Payload] = {}
        self._queues: dict[int, Payload] = {}
        self._sessions: set[Session] = set()
        self._late: deque[tuple[float, Told]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def clients(self) -> int:
        return len(self._sessions)

    def seed(self, lines: list[Payload], queues: list[Payload]) -> None:
        """What is so before the first event."""
        self._lines |= {line["extenUser"]: line for line in lines}
        self._queues |= {queue["QueueID"]: queue for queue in queues}

    def tell(self, name: str, payload: Payload) -> None:
        """Something happened just now. Its recordings are shown as they are now, however late it is told."""
        told = Told(name, payload | {"data": self._with_mutes(payload["data"])})
        now = self._clock.now()
        due = now + self._lag()
        if self._late:  # also one that is overdue, where the timer came too late
            due = max(due, self._late[-1][0])
        elif due <= now:
            self._deliver(told)
            return
        self._late.append((due, told))
        self._deliver_due()

    def say(self, packet: str) -> None:
        """Every client is sent this packet, right or wrong."""
        for session in self._sessions:
            session.emit(packet)

    def close(self) -> None:
        """No more events; every connection ends."""
        if self._timer:
            self._timer.cancel()
        self._late.clear()
        self.cut()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """`GET /socket.io/`: WebSocket only, as the vendor wants it."""
        if request.query.get("transport") != "websocket":
            return web.json_response({"code": 0, "message": "Transport unknown"}, status=400)
        socket = web.WebSocketResponse(compress=False, timeout=0.5, autoping=True)
        try:
            await socket.prepare(request)
        except ConnectionError:  # gone before it was answered
            return socket
        generation: Generation = 3 if self._settings.engineio == 3 or request.query.get("EIO") == "3" else 4
        sid = f"{self._chance.getrandbits(80):020x}"
        session = Session(socket, sid, generation, self._settings, self._joined, self._received)
        session.token = request.query.get("token", "")
        self._sessions.add(session)
        try:
            await session.serve()
        finally:
            self._sessions.discard(session)
        await socket.close()
        return socket

    def cut(self) -> None:
        """Every connection breaks, without a word."""
        for session in list(self._sessions):
            session.stop()

    def disconnect(self) -> None:
        """Every client is told to go."""
        for session in list(self._sessions):
            session.disconnect()

    def _lag(self) -> float:
        dice = self._chance.random()
        if self._settings.feed_lag_s <= 0 or dice < 0.69:
            return 0.0
        low, high = (0.0, 1 / 3) if dice < 0.97 else (1 / 3, 1.0)
        return self._settings.feed_lag_s * self._chance.uniform(low, high)

    def _deliver_due(self) -> None:
        """Deliver what is late and due, and come back for the rest."""
        if self._timer:
            self._timer.cancel()
        while self._late:
            wait_s = self._late[0][0] - self._clock.now()
            if wait_s > 0:
                self._timer = asyncio.get_running_loop().call_later(wait_s, self._deliver_due)
                return
            self._deliver(self._late.popleft()[1])

    def _deliver(self, told: Told) -> None:
        data = told.payload["data"]
        if told.sip is not None:
            self._lines[told.sip] = {key: value for key, value in data.items() if key != "currentCall"}
        elif "QueueID" in data:
            self._queues[data["QueueID"]] = data
        if not self._sessions:
            return
        packet = event_packet(told.name, self._vendor_clock.stamp(self._clock.now()) | told.payload)
        for session in self._sessions:
            if session.monitored is None or told.sip is None or told.sip in session.monitored:
                session.emit(packet)

    def _with_mutes(self, data: Payload) -> Payload:
        return payloads.show_mutes(data, self._muted) if "calls" in data else data

    def _joined(self, session: Session) -> None:
        if not self._tokens.good(session.token):
            session.emit(event_packet("loginStatus", payloads.login_refused()))
            session.disconnect()
            return
        session.emit(event_packet("loginSuccess", payloads.login_success(self._vendor_clock, self._clock.now())))
        self._snapshot(session)

    def _snapshot(self, session: Session) -> None:
        now, clock = self._clock.now(), self._vendor_clock
        queues: Payload = {"queues": list(self._queues.values())} | payloads.login_success(clock, now)
        lines = (line for sip, line in self._lines.items() if session.monitored is None or sip in session.monitored)
        extensions = payloads.all_extensions((self._with_mutes(line) for line in lines), clock, now)
        session.emit(event_packet("loginStatus", queues))
        session.emit(event_packet("AllExtensionsStatus", extensions))
        session.emit(event_packet("AllDialersStatus", payloads.all_dialers(clock, now)))

    def _received(self, session: Session, name: str, argument: Any) -> None:
        if name == "keepalive":
            good = argument == session.token and self._tokens.good(session.token)
            session.emit(event_packet("keepaliveResponse", {"errorCode": 0 if good else 1}))
        elif name == "resync":
            self._snapshot(session)
        elif name == "updateMonitoredExtensions" and isinstance(argument, dict):
            session.monitored = frozenset(str(argument.get("extensionsString", "")).split(","))
