"""The stories of calls: each is a generator that acts on the exchange and yields the seconds until it goes on.

Guarantees: a story touches only calls of its own, and ends only after each of them is over and each agent it
took is let go; so whatever chance decides, every call ends. All the phenomena of the captured stream occur.
"""

from collections.abc import Callable, Generator

from orchestrator.simulator.agenda import Story
from orchestrator.simulator.floor import Floor
from orchestrator.simulator.switchboard import NORMAL
from orchestrator.simulator.telephony import Direction, Leg, Party, Presence, QueueReason, Status

NO_RESPONSE = "No user responding"
REJECTED = "Call Rejected"
BUSY = "User busy"

With = tuple[str, str] | None
"""Who talks now, in which call; None: it is over."""


class Calls:
    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self._board = floor.board

    # How calls begin

    def inbound(self, queue_id: int) -> Story:
        """A caller joins a queue, which rings a group of free agents, again and again, until one answers."""
        floor, board = self._floor, self._board
        ivrid, party = floor.name_call(), floor.caller()
        board.join(floor.now, queue_id, ivrid, party)
        yield floor.lasts(floor.tempo.between_rings_s)
        for _ in range(floor.chance.randint(2, 6)):
            if floor.happens(0.1) and (agent := floor.somebody_free()):
                floor.take(agent)
                self._appear(agent, ivrid, party, answered=floor.happens(0.5), queue_id=queue_id)
                board.leave(floor.now, queue_id, ivrid, QueueReason.ANSWER)
                yield from self._talk(agent, ivrid)
                return
            answered_by = yield from self._round(queue_id, ivrid, party)
            if answered_by:
                board.leave(floor.now, queue_id, ivrid, QueueReason.EXIT, board.lines[answered_by].user_name)
                yield from self._talk(answered_by, ivrid)
                return
            yield floor.lasts(floor.tempo.between_rings_s)
        board.leave(floor.now, queue_id, ivrid, QueueReason.ABANDONED)

    def behind_the_scenes(self, agent: str) -> Story:
        """A call placed for the agent: its leg names a second call as related, which no extension ever sees."""
        floor, board = self._floor, self._board
        floor.take(agent)
        ivrid, unseen = floor.name_call(), floor.name_call()
        board.begin(floor.now, unseen)
        self._place(agent, ivrid, floor.caller(), related=(unseen,))
        yield floor.lasts(floor.tempo.ring_s)
        board.answer(floor.now, agent, ivrid)
        yield floor.lasts(floor.tempo.talk_s)
        board.hangup(floor.now, agent, ivrid)
        board.release(floor.now, unseen)
        self._done(agent)

    def outbound(self, agent: str) -> Story:
        """The agent dials; nobody answers, or is dialled again under the same id, or it is answered."""
        floor, board = self._floor, self._board
        floor.take(agent)
        ivrid, party = floor.name_call(), floor.caller()
        board.keep(ivrid)
        for _ in range(floor.chance.randint(1, 3)):
            self._place(agent, ivrid, party)
            yield floor.lasts(floor.tempo.ring_s)
            if floor.happens(0.7):
                board.answer(floor.now, agent, ivrid)
                board.release(floor.now, ivrid)
                yield from self._talk(agent, ivrid)
                return
            board.hangup(floor.now, agent, ivrid, floor.chance.choice((NORMAL, REJECTED, BUSY)))
            yield floor.lasts(floor.tempo.between_rings_s)
        board.release(floor.now, ivrid)
        self._done(agent)

    def click2call(self, agent: str) -> Story:
        """The agent's own phone rings first; once it is up, the customer is dialled. Two calls, related."""
        floor, board = self._floor, self._board
        floor.take(agent)
        own, other, party = floor.name_call(), floor.name_call(), floor.caller()
        self._place(agent, own, party, Direction.CLICK2CALL, related=(other,), c2c_direction=1)
        yield floor.lasts(floor.tempo.ring_s)
        board.answer(floor.now, agent, own)
        self._place(agent, other, party, Direction.CLICK2CALL, related=(own,), c2c_direction=2)
        yield floor.lasts(floor.tempo.ring_s)
        if floor.happens(0.8):
            board.answer(floor.now, agent, other)
            yield floor.lasts(floor.tempo.talk_s)
        board.hangup(floor.now, agent, other)
        board.hangup(floor.now, agent, own)
        self._done(agent)

    def internal(self, agent: str, colleague: str) -> Story:
        """One call that two extensions see: placed by one, ringing in at the other."""
        floor, board = self._floor, self._board
        floor.take(agent)
        floor.take(colleague)
        ivrid = floor.name_call()
        yield from self._reach(agent, colleague, ivrid)
        yield floor.lasts(floor.tempo.talk_s)
        board.end(floor.now, ivrid)
        self._done(agent)
        self._done(colleague)

    def straight_in(self, agent: str, *, answered: bool) -> Story:
        """A call that shows as Talking from its first event, with `answered` 1 or, to its end, 0."""
        floor = self._floor
        floor.take(agent)
        ivrid = floor.name_call()
        self._appear(agent, ivrid, floor.caller(), answered=answered)
        if answered:
            yield from self._talk(agent, ivrid)
            return
        yield floor.lasts(floor.tempo.talk_s)
        self._board.hangup(floor.now, agent, ivrid)
        self._done(agent)

    # How calls go on

    def _talk(self, agent: str, ivrid: str) -> Story:
        """The agent (taken) talks, until the call is over; it may be another agent's by then."""
        floor, board = self._floor, self._board
        turns: list[Callable[[str, str], Generator[float, None, With]]] = [
            self._hold,
            self._consult,
            self._blind_transfer,
        ]
        yield floor.lasts(floor.tempo.talk_s)
        for _ in range(floor.chance.randint(0, 2)):
            goes_on = yield from floor.chance.choice(turns)(agent, ivrid)
            if goes_on is None:
                return
            agent, ivrid = goes_on
            yield floor.lasts(floor.tempo.talk_s)
        board.hangup(floor.now, agent, ivrid)
        self._done(agent)

    def _hold(self, agent: str, ivrid: str) -> Generator[float, None, With]:
        floor, board = self._floor, self._board
        board.hold(floor.now, agent, ivrid)
        yield floor.lasts(floor.tempo.hold_s)
        board.unhold(floor.now, agent, ivrid)
        return agent, ivrid

    def _blind_transfer(self, agent: str, ivrid: str) -> Generator[float, None, With]:
        """The call leaves the agent and rings at a colleague; where nobody answers, the caller gives up."""
        floor, board = self._floor, self._board
        colleague = floor.somebody_free()
        if colleague is None:
            return agent, ivrid
        floor.take(colleague)
        board.move(floor.now, ivrid, agent, colleague, up=False)
        self._done(agent)
        yield floor.lasts(floor.tempo.ring_s)
        if floor.happens(0.85):
            board.answer(floor.now, colleague, ivrid)
            return colleague, ivrid
        board.hangup(floor.now, colleague, ivrid, NO_RESPONSE)
        self._done(colleague)
        return None

    def _consult(self, agent: str, ivrid: str) -> Generator[float, None, With]:
        """The caller is put on hold while the agent asks somebody; then back, on to them, or all together."""
        floor, board = self._floor, self._board
        board.hold(floor.now, agent, ivrid)
        second = floor.name_call()
        colleague = floor.somebody_free() if floor.happens(0.7) else None
        yield floor.lasts((0.0, 1.0))
        if colleague is None or not floor.is_free(colleague):
            yield from self._ask_outside(agent, second)
            board.unhold(floor.now, agent, ivrid)
            return agent, ivrid
        floor.take(colleague)
        yield from self._reach(agent, colleague, second)
        yield floor.lasts(floor.tempo.hold_s)
        if floor.happens(0.3):  # a conference: both calls talk on one extension
            board.unhold(floor.now, agent, ivrid)
            yield floor.lasts(floor.tempo.talk_s)
            board.hold(floor.now, agent, ivrid)
        if floor.happens(0.5):
            board.end(floor.now, second)
            self._done(colleague)
            board.unhold(floor.now, agent, ivrid)
            return agent, ivrid
        return (yield from self._hand_over(agent, colleague, ivrid, second))

    def _hand_over(self, agent: str, colleague: str, ivrid: str, second: str) -> Generator[float, None, With]:
        """An attended transfer: the caller goes on at the colleague's, as a new call that names the two before it, or
        by the same call, related to the consult call."""
        floor, board = self._floor, self._board
        if floor.happens(0.5):
            joined = floor.name_call()
            board.unhold(floor.now, agent, ivrid)
            board.join_up(floor.now, ivrid, second, agent, colleague, joined)
            self._done(agent)
            return colleague, joined
        board.move(floor.now, ivrid, agent, colleague, up=True, related=(second,))
        yield floor.lasts((0.0, 1.0))
        board.end(floor.now, second)
        self._done(agent)
        return colleague, ivrid

    def _ask_outside(self, agent: str, second: str) -> Story:
        floor, board = self._floor, self._board
        self._place(agent, second, floor.caller())
        yield floor.lasts(floor.tempo.ring_s)
        if floor.happens(0.6):
            board.answer(floor.now, agent, second)
            yield floor.lasts(floor.tempo.hold_s)
        board.hangup(floor.now, agent, second, NORMAL)

    def _reach(self, agent: str, colleague: str, ivrid: str) -> Story:
        """A colleague is dialled, and answers."""
        floor, board = self._floor, self._board
        self._place(agent, ivrid, self._party(colleague), internal=True)
        board.ring(floor.now, colleague, ivrid, self._party(agent), internal=True)
        yield floor.lasts(floor.tempo.ring_s)
        board.answer(floor.now, colleague, ivrid)
        board.answer(floor.now, agent, ivrid)

    def _round(self, queue_id: int, ivrid: str, party: Party) -> Generator[float, None, str | None]:
        """The queue rings a group once. Returns who answered, taken; the others have lost it."""
        floor, board = self._floor, self._board
        group = [sip for sip in floor.free() if board.lines[sip].leg(ivrid) is None]
        ringing = sorted(floor.some(group, 4)) if group else []
        for sip in ringing:
            board.ring(floor.now, sip, ivrid, party, queue_id=queue_id)
        yield floor.lasts(floor.tempo.ring_s)
        ready = [sip for sip in ringing if floor.is_free(sip)]
        if ready and floor.happens(0.75):
            agent = floor.chance.choice(ready)
            floor.take(agent)
            board.answer(floor.now, agent, ivrid)
            return agent
        for sip in ringing:
            board.hangup(floor.now, sip, ivrid, floor.chance.choice((NORMAL, NO_RESPONSE)))
        return None

    # Small steps

    def _party(self, sip: str) -> Party:
        line = self._board.lines[sip]
        return Party(line.user_name, str(line.number))

    def _place(
        self,
        agent: str,
        ivrid: str,
        party: Party,
        direction: Direction = Direction.OUTGOING,
        *,
        related: tuple[str, ...] = (),
        internal: bool = False,
        c2c_direction: int | None = None,
    ) -> None:
        leg = Leg(
            ivrid=ivrid,
            direction=direction,
            status=Status.RINGING if c2c_direction == 1 else Status.DIALING,
            answered=False,
            started_at=self._floor.now,
            party=party,
            related=related,
            internal=internal,
            c2c_direction=c2c_direction,
        )
        self._board.add(self._floor.now, agent, leg)

    def _appear(self, agent: str, ivrid: str, party: Party, *, answered: bool, queue_id: int | None = None) -> None:
        now = self._floor.now
        leg = Leg(
            ivrid=ivrid,
            direction=Direction.INCOMING,
            status=Status.TALKING,
            answered=answered,
            started_at=now,
            party=party,
            answered_at=now if answered else 0.0,
            queue_id=queue_id,
        )
        self._board.add(now, agent, leg)

    def _done(self, agent: str) -> None:
        """The agent is through with it; often that shows as a change of presence."""
        self._floor.let_go(agent)
        if self._floor.happens(0.4):
            presence = self._floor.chance.choice((Presence.LOGIN, Presence.ADMINISTRATIVE))
            self._board.set_presence(self._floor.now, agent, presence)
