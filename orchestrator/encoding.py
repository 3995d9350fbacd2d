"""JSON for what may hold any code point: an id from the feed can have half a surrogate pair, which is no UTF-8.

Guarantees: `decoded` reads what the standard library reads, as it reads it, and refuses what it refuses; both are
several times as fast for what is written as it should be.
"""

import json
from collections.abc import Mapping
from typing import Any

import msgspec

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder()


def encoded(document: Mapping[str, Any]) -> bytes:
    try:
        return _encoder.encode(document)
    except (UnicodeEncodeError, TypeError):  # half a pair; a subclass of text or of a number
        return json.dumps(document).encode()


def decoded(raw: str | bytes | bytearray) -> Any:
    """Raises ValueError where it is no JSON, RecursionError where it is nested too deep."""
    try:
        return _decoder.decode(raw)
    except ValueError:
        return json.loads(raw)
