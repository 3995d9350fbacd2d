"""A card form that stays shut until the call is muted. HTTP; needs Python 3.9 and nothing else.

MUTE_URL=http://127.0.0.1:8080 MUTE_TOKEN=... python form_http.py SIPSIP1
"""

import json
import os
import sys
import uuid
from contextlib import contextmanager
from urllib.request import Request, urlopen


@contextmanager
def sensitive_section(extension, wait_ms=3000):
    """A section that lasts as long as the block. Gives how it stands: "protected", or what it came to so far."""
    path = f"/v1/sections/pay-{uuid.uuid4()}"
    try:
        yield ask("PUT", f"{path}?wait_ms={wait_ms}", {"extension": extension, "max_seconds": 300})["state"]
    finally:
        ask("DELETE", path)  # also where the answer to PUT was lost: it may have started


def ask(method, path, body=None):
    request = Request(os.environ["MUTE_URL"] + path, method=method)
    request.add_header("Authorization", f"Bearer {os.environ['MUTE_TOKEN']}")
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    with urlopen(request, timeout=6) as answer:  # raises from 400 on
        return json.loads(answer.read() or "{}")


if __name__ == "__main__":
    with sensitive_section(sys.argv[1]) as state:
        if state != "protected":
            sys.exit(f"Do not ask for the card: {state}")
        print("Ask for the card. Enter closes the form.", flush=True)
        input()
