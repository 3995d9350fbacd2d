"""JSON for what may hold any code point: an id from the feed can have half a surrogate pair, which is no UTF-8."""

import json
from collections.abc import Mapping
from typing import Any

import msgspec

_encoder = msgspec.json.Encoder()


def encoded(document: Mapping[str, Any]) -> bytes:
    try:
        return _encoder.encode(document)
    except UnicodeEncodeError:
        return json.dumps(document).encode()
