"""A card form that stays shut until the call is muted. Redis streams both ways; needs Python 3.9 and redis-py.

REDIS_URL=redis://localhost:6390/0 python form_redis.py SIPSIP1
"""

import json
import os
import sys
import time
import uuid
from contextlib import contextmanager

import redis

MESSAGES, STATUS = "crm:sensitive", "mute:{main}:status"


@contextmanager
def sensitive_section(crm, extension, wait_s=3.0):
    """A section that lasts as long as the block. Gives how it stands: "protected", or what it came to so far."""
    section_id = f"pay-{uuid.uuid4()}"
    newest = crm.xrevrange(STATUS, count=1)
    after = newest[0][0] if newest else "0-0"  # looked up before the start, so no word about it can be missed
    say(crm, type="sensitive_section.started", section_id=section_id, extension=extension, max_seconds=300)
    try:
        yield wait_until_protected(crm, section_id, after, wait_s)
    finally:
        say(crm, type="sensitive_section.ended", section_id=section_id)


def say(crm, **message):
    crm.xadd(MESSAGES, {"data": json.dumps(message)}, maxlen=10_000)


def wait_until_protected(crm, section_id, after, wait_s):
    state, give_up = "unknown", time.monotonic() + wait_s
    while state != "protected" and (left_s := give_up - time.monotonic()) > 0:
        for _, entries in crm.xread({STATUS: after}, block=max(1, int(left_s * 1000))):
            for entry_id, fields in entries:
                after, event = entry_id, json.loads(fields["data"])
                if event["subject"] == section_id:
                    state = event["data"]["state"]
    return state


if __name__ == "__main__":
    crm = redis.Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)
    with sensitive_section(crm, sys.argv[1]) as state:
        if state != "protected":
            sys.exit(f"Do not ask for the card: {state}")
        print("Ask for the card. Enter closes the form.", flush=True)
        input()
