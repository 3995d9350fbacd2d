"""Boards in the shapes of the daemon's: made up, of any size, and one that is always the same for pictures.

Guarantees: no personal data: ids count up; whatever is drawn at random is drawn from a seed.
"""

from datetime import UTC, datetime
from random import Random
from typing import Any

Json = dict[str, Any]

PICTURED = {
    "exposed": (1, 23),
    "covered": (5,),
    "muted": (17, 19),
    "verified": (30,),
    "releasing": (8,),
    "foreign": (13,),
}
"""The calls of the picture that are in another state than the rest, by number."""
WELL = {
    "feed": "synced",
    "since": 0.0,
    "redis": "ok",
    "api": "ok",
    "polling": "ok",
    "owner": True,
    "exposure_alert_ms": 1500,
}


def health(**differs: object) -> Json:
    """Of the account main; ready when nothing differs."""
    return {"ready": not differs, "problems": {}, "accounts": {"main": WELL | differs}}


def call(ivrid: str, state: str, since: float, *extensions: str, **more: object) -> Json:
    told = {"account": "main", "ivrid": ivrid, "state": state, "since": since, "extensions": [*extensions]}
    return {**told, "sections": [], "exposure_ms": 0, "action_id": None, **more}


def extension(sip: str, *ivrids: str, direction: str = "Incoming", status: str = "Talking") -> Json:
    calls = [{"ivrid": ivrid, "direction": direction, "status": status, "counts": True} for ivrid in ivrids]
    return {"account": "main", "extension": sip, "calls": calls}


def section(
    section_id: str, target: str, now: float, left_s: float, state: str = "protected", **more: object
) -> Json:
    return {
        "section_id": section_id,
        "account": "main",
        "extension": target,
        "state": state,
        "started_at": rfc_3339(now + left_s - 300),
        "expires_at": rfc_3339(now + left_s),
        "calls": [],
        **more,
    }


def entry(number: int, at: float, event: str, level: str = "info", **fields: object) -> Json:
    return {"id": number, "at": at, "account": "main", "event": event, "level": level, "fields": fields}


def board(now: float, **differs: object) -> Json:
    """Where nothing is going on."""
    quiet = {
        "now": now,
        "version": "0.1.0",
        "can_operate": True,
        "health": health(),
        "extensions": {},
        "calls": {},
        "sections": {},
        "history": {"minute_s": 60, "from": now - 3600, "since": now - 3600, "minutes": [[0] * 6] * 60},
        "log": [],
    }
    return quiet | differs


def busy(now: float, extensions: int, seed: int = 1) -> Json:
    """A centre with one call on each extension, one in ten of them muted."""
    chance = Random(seed)
    told = board(now)
    for number in range(1, extensions + 1):
        sip, ivrid = f"SIP{number}", f"{20261124000000 + number}{chance.getrandbits(72):018x}"
        covered = number % 10 == 0
        name = f"pay-{number}"
        claim = {"sections": [name], "exposure_ms": chance.randrange(40, 300), "action_id": f"a-{number}"}
        more = claim if covered else {}
        state = "verified" if covered else "recorded"
        told["extensions"][f"main/{sip}"] = extension(sip, ivrid)
        told["calls"][f"main/{ivrid}"] = call(ivrid, state, now - chance.randrange(5, 600), sip, **more)
        if covered:
            told["sections"][f"main/{name}"] = section(name, sip, now, chance.randrange(40, 280))
    return told


def for_pictures(now: float) -> Json:
    """Every state once or more, a history with something in it, a log."""
    chance = Random(7)
    told = busy(now, 46, seed=7)
    ids = list(told["calls"])
    for number, state in [(number, state) for state, numbers in PICTURED.items() for number in numbers]:
        found = told["calls"][ids[number - 1]]
        sip = found["extensions"][0]
        covered = state in ("exposed", "covered", "muted", "verified")
        name = f"pay-{7300 + number}"
        exposure_ms = {"exposed": 4200 + 130 * number, "covered": 210, "muted": 96}.get(state, 0)
        since = now - {"exposed": 4 + number / 10, "covered": 0.4, "releasing": 1.2}.get(state, 47)
        found |= {"state": state, "since": since, "exposure_ms": exposure_ms}
        found["sections"] = [name] if covered else []
        if covered:
            told["sections"].pop(f"main/pay-{number}", None)
            standing = {"exposed": "exposed", "covered": "muting"}.get(state, "protected")
            told["sections"][f"main/{name}"] = section(name, sip, now, 19 + 11 * number, standing)
    told["extensions"]["main/SIP61"] = extension("SIP61")
    told["sections"]["main/pay-7361"] = section("pay-7361", "SIP61", now, 262, "no_call")
    minutes = [[0] * 6 for _ in range(360)]
    for _ in range(34):
        worst = min(2400, int(chance.lognormvariate(5, 0.9)))
        minutes[chance.randrange(360)][:3] = [1, worst, worst]
    for _ in range(21):
        worst = min(3000, int(chance.lognormvariate(5.3, 0.8)))
        minutes[chance.randrange(360)][3:] = [1, worst, worst]
    told["history"] = {"minute_s": 60, "from": now - 360 * 60, "since": now - 330 * 60, "minutes": minutes}
    named = [ivrid.removeprefix("main/") for ivrid in ids]
    told["log"] = [
        entry(1, now - 310, "feed.synced", extensions=46, calls=46),
        entry(2, now - 122, "section.started", section_id="pay-7317", extension="SIP17", max_s=300),
        entry(3, now - 121.9, "call.muted", ivrid=named[16], exposure_ms=96, attempts=1),
        entry(4, now - 64, "mute.foreign", "warning", ivrid=named[12]),
        entry(5, now - 31, "section.expiring", "warning", section_id="pay-7301", extension="SIP1", expires_in_s=30),
        entry(6, now - 6.3, "section.started", section_id="pay-7323", extension="SIP23", max_s=300),
        entry(7, now - 3.1, "mute.failed", "warning", ivrid=named[22], verdict="failed", attempts=4),
        entry(8, now - 1.5, "section.exposed", "error", section_ids=["pay-7323"], ivrid=named[22], open_ms=4800),
        entry(9, now - 1.2, "call.unmuted", ivrid=named[7], overmute_ms=140),
    ]
    return told


def rfc_3339(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
