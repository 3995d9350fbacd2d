"""Invented accounts: extensions, their users, queues. Names and numbers are made up and say so."""

from orchestrator.simulator.telephony import Line, Party, Presence, Queue

FIRST_USER = 1000
FIRST_QUEUE = 501


def sip(number: int) -> str:
    return f"SIPSIP{number}"


def user_id(number: int) -> str:
    return str(FIRST_USER + number)


def caller(number: int) -> Party:
    return Party(f"Caller {number}", f"{number:010d}")


def lines(agents: int, now: float, *, spare: int = 0) -> list[Line]:
    """Extensions SIPSIP1, SIPSIP2, …, each with a user of its own (1001, 1002, …), signed in there.

    At the last ones, the spare desks, nobody is signed in.
    """
    return [
        Line(
            sip=sip(number),
            number=100 + number,
            user_id=user_id(number),
            user_name=f"Agent {number}",
            online_user_id=user_id(number) if number <= agents else None,
            presence=Presence.LOGIN if number <= agents else Presence.LOGOUT,
            presence_at=now,
        )
        for number in range(1, agents + spare + 1)
    ]


def queues(count: int) -> list[Queue]:
    return [Queue(queue_id=FIRST_QUEUE + number, name=f"Queue {number + 1}") for number in range(count)]
