"""What Redis and the way to it can do to us, as exceptions and as words.

Guarantee: `why` never repeats text that a server sent, nor a command, a key, a URL or a credential: a class name,
and the operating system's own words where there are some. A bug (wrong types, say) is not among `REDIS_FAILURES`.
"""

import os

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import InvalidResponse, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

REDIS_FAILURES = (RedisConnectionError, RedisTimeoutError, ResponseError, InvalidResponse, OSError)
"""Away, too slow, refused (no permission, read-only, out of memory ...), not talking Redis."""

_PLAIN = {
    "AuthenticationError": "Redis refused the user name or the password",
    "BusyLoadingError": "Redis is loading its data",
    "InvalidResponse": "the answer is not Redis's",
    "NoPermissionError": "the Redis user lacks a permission",
    "OutOfMemoryError": "Redis is out of memory",
    "ReadOnlyError": "this Redis is a read-only replica",
    "ResponseError": "Redis refused a command",
    "TimeoutError": "Redis did not answer in time",
}
_BY_CODE = {
    "NOGROUP": "the consumer group is not there",
    "UNBLOCKED": "the key in Redis is gone",
    "WRONGTYPE": "the key in Redis is of another type",
}


def why(error: BaseException) -> str:
    """The failure in a few safe words."""
    system = _system_words(error)
    code = str(error).partition(" ")[0] if isinstance(error, ResponseError) else ""
    if code in _BY_CODE:
        return _BY_CODE[code]
    name = type(error).__name__
    return f"no connection to Redis: {system}" if system else _PLAIN.get(name, f"no connection to Redis ({name})")


def in_brief(error: BaseException) -> str:
    """What to tell who asks whether all is well."""
    return "Redis takes no writes" if isinstance(error, ResponseError) else "Redis does not answer"


def _system_words(error: BaseException) -> str:
    """What the operating system said, found behind redis-py's own exceptions."""
    at: BaseException | None = error
    while at is not None:
        if isinstance(at, OSError) and isinstance(at.errno, int) and at.errno > 0:
            return os.strerror(at.errno).lower()
        at = at.__cause__ or at.__context__
    return ""
