"""What a Redis holds and does, in memory: the commands that the daemon sends, and no others.

Guarantees: replies and contents are those of a real server (test_redis_data plays the same random histories on both);
Lua scripts run as Python equivalents, known by the SHA-1 of the script's file, so a changed script without a changed
equivalent is an error. Time comes in as an argument of the constructor.
"""

import fnmatch
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

Words = Sequence[bytes]
Value = Any
"""A reply: int, bytes, None, a list of replies, or `Status`."""


class Refused(Exception):
    """An error reply."""


@dataclass(frozen=True, slots=True)
class Status:
    text: bytes


OK = Status(b"OK")
WRONG_TYPE = "WRONGTYPE Operation against a key holding the wrong kind of value"

StreamId = tuple[int, int]


@dataclass(slots=True)
class Pending:
    consumer: bytes
    delivered_ms: int
    times: int


@dataclass(slots=True)
class Group:
    last: StreamId
    pending: dict[StreamId, Pending] = field(default_factory=dict)


@dataclass(slots=True)
class Stream:
    entries: dict[StreamId, list[bytes]] = field(default_factory=dict)
    last: StreamId = (0, 0)
    groups: dict[bytes, Group] = field(default_factory=dict)

    def after(self, last: StreamId) -> list[tuple[StreamId, list[bytes]]]:
        """What was added since; a long stream costs no more than a short one."""
        newest_first = takewhile(lambda item: item[0] > last, reversed(self.entries.items()))
        return list(newest_first)[::-1]


Script = Callable[["RedisData", list[bytes], list[bytes]], Value]
SCRIPTS: dict[str, Script] = {}


def script(text: str) -> Callable[[Script], Script]:
    """Registers the equivalent of a Lua script."""

    def register(equivalent: Script) -> Script:
        SCRIPTS[hashlib.sha1(text.encode()).hexdigest()] = equivalent
        return equivalent

    return register


class RedisData:
    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._keys: dict[bytes, Any] = {}
        self._expires: dict[bytes, float] = {}
        self._scripts: set[str] = set()
        self.read_only = False
        self.out_of_memory = False
        self.publish: Callable[[bytes, bytes], int] = lambda _channel, _message: 0
        """To whom a message of a script goes, and how many they are."""
        self.touched: set[bytes] = set()
        """Keys that something was added to since this was last emptied: whoever blocks on them may go on."""

    @property
    def takes_no_writes(self) -> bool:
        return self.read_only or self.out_of_memory

    def run(self, words: Words) -> Value:
        """One command. Raises `Refused` for an error reply."""
        name = words[0].decode().upper()
        command = _COMMANDS.get(name)
        if command is None:
            raise Refused(f"ERR unknown command '{name}'")
        run, writes, grows = command
        if writes and self.read_only:
            raise Refused("READONLY You can't write against a read only replica.")
        if grows and self.out_of_memory:
            raise Refused("OOM command not allowed when used memory > 'maxmemory'.")
        return run(self, words)

    def call(self, *words: bytes | str | int) -> Value:
        """As `redis.call` in a script."""
        return self.run([word if isinstance(word, bytes) else str(word).encode() for word in words])

    def now_ms(self) -> int:
        return int(self._now() * 1000)

    def restart(self, *, empty: bool) -> None:
        self._scripts.clear()
        if empty:
            self._keys.clear()
            self._expires.clear()

    def content(self) -> dict[bytes, Any]:
        """Everything, for comparing."""
        for key in list(self._expires):
            self._live(key)
        return {key: _plain(value) for key, value in sorted(self._keys.items())}

    # Keys

    def _live(self, key: bytes) -> Any:
        at = self._expires.get(key)
        if at is not None and self._now() >= at:
            self._keys.pop(key, None)
            del self._expires[key]
        return self._keys.get(key)

    def _of(self, key: bytes, kind: type) -> Any:
        """The value, or None; an error where it is of another kind."""
        value = self._live(key) if self._expires else self._keys.get(key)
        if value is not None and type(value) is not kind:
            raise Refused(WRONG_TYPE)
        return value

    def _made(self, key: bytes, kind: type) -> Any:
        value = self._of(key, kind)
        if value is None:
            value = self._keys[key] = kind()
        return value

    def _tidy(self, key: bytes) -> None:
        if not self._keys[key]:
            self._delete(key)

    def _delete(self, key: bytes) -> bool:
        self._expires.pop(key, None)
        return self._keys.pop(key, None) is not None

    def _del(self, words: Words) -> Value:
        return sum(self._delete(key) for key in words[1:] if self._live(key) is not None)

    def _exists(self, words: Words) -> Value:
        return sum(self._live(key) is not None for key in words[1:])

    def _get(self, words: Words) -> Value:
        return self._of(words[1], bytes)

    def _set(self, words: Words) -> Value:
        key, value, options = words[1], words[2], [word.upper() for word in words[3:]]
        if b"NX" in options and self._live(key) is not None:
            return None
        if b"XX" in options and self._live(key) is None:
            return None
        self._expires.pop(key, None)
        self._keys[key] = value
        for name, unit in ((b"PX", 1000), (b"EX", 1)):
            if name in options:
                self._expires[key] = self._now() + int(options[options.index(name) + 1]) / unit
        return OK

    def _pexpire(self, words: Words) -> Value:
        if self._live(words[1]) is None:
            return 0
        self._expires[words[1]] = self._now() + int(words[2]) / 1000
        return 1

    def _pttl(self, words: Words) -> Value:
        if self._live(words[1]) is None:
            return -2
        at = self._expires.get(words[1])
        return -1 if at is None else max(0, round((at - self._now()) * 1000))

    def _incr(self, words: Words) -> Value:
        number = int(self._of(words[1], bytes) or b"0") + 1
        self._keys[words[1]] = b"%d" % number
        return number

    # Hashes

    def _hset(self, words: Words) -> Value:
        if len(words) < 4 or len(words) % 2:
            raise Refused("ERR wrong number of arguments for 'hset' command")
        table = self._made(words[1], dict)
        before = len(table)
        table.update(zip(words[2::2], words[3::2], strict=True))
        return len(table) - before

    def _hdel(self, words: Words) -> Value:
        table = self._of(words[1], dict)
        if table is None:
            return 0
        gone = sum(table.pop(name, None) is not None for name in words[2:])
        self._tidy(words[1])
        return gone

    def _hget(self, words: Words) -> Value:
        return (self._of(words[1], dict) or {}).get(words[2])

    def _hmget(self, words: Words) -> Value:
        table = self._of(words[1], dict) or {}
        return [table.get(name) for name in words[2:]]

    def _hgetall(self, words: Words) -> Value:
        return [word for pair in (self._of(words[1], dict) or {}).items() for word in pair]

    def _hkeys(self, words: Words) -> Value:
        return list(self._of(words[1], dict) or {})

    def _hlen(self, words: Words) -> Value:
        return len(self._of(words[1], dict) or {})

    # Sets: as dicts, which keep their order

    def _sadd(self, words: Words) -> Value:
        members = self._made(words[1], _Set)
        before = len(members)
        members.update(dict.fromkeys(words[2:]))
        return len(members) - before

    def _srem(self, words: Words) -> Value:
        members = self._of(words[1], _Set)
        if members is None:
            return 0
        gone = sum(members.pop(name, self) is None for name in words[2:])
        self._tidy(words[1])
        return gone

    def _smembers(self, words: Words) -> Value:
        return list(self._of(words[1], _Set) or ())

    def _scard(self, words: Words) -> Value:
        return len(self._of(words[1], _Set) or ())

    # Lists

    def _lpush(self, words: Words) -> Value:
        items = self._made(words[1], list)
        for item in words[2:]:
            items.insert(0, item)
        self.touched.add(words[1])
        return len(items)

    def _rpush(self, words: Words) -> Value:
        items = self._made(words[1], list)
        items.extend(words[2:])
        self.touched.add(words[1])
        return len(items)

    def _llen(self, words: Words) -> Value:
        return len(self._of(words[1], list) or ())

    def _lrange(self, words: Words) -> Value:
        items = self._of(words[1], list) or []
        first, last = (_place(word, len(items)) for word in words[2:4])
        return items[max(0, first) : last + 1]

    def _lrem(self, words: Words) -> Value:
        items = self._of(words[1], list)
        if items is None:
            return 0
        count, item = int(words[2]), words[3]
        places = [at for at, each in enumerate(items) if each == item]
        if count < 0:
            places = places[count:]
        elif count > 0:
            places = places[:count]
        for at in reversed(places):
            del items[at]
        self._tidy(words[1])
        return len(places)

    def _lmove(self, words: Words) -> Value:
        source, to, side, other = words[1], words[2], words[3].upper(), words[4].upper()
        items = self._of(source, list)
        target = self._of(to, list)
        if items is None:
            return None
        item = items.pop(0 if side == b"LEFT" else -1)
        if target is None:
            target = self._made(to, list)
        target.insert(0 if other == b"LEFT" else len(target), item)
        if source != to:
            self._tidy(source)
        self.touched.add(to)
        return item

    # Streams

    def _publish(self, words: Words) -> Value:
        return self.publish(words[1], words[2])

    def _xadd(self, words: Words) -> Value:
        key, at = words[1], 2
        most: int | None = None
        while words[at].upper() in (b"MAXLEN", b"NOMKSTREAM"):
            if words[at].upper() == b"MAXLEN":
                at += 1 + (words[at + 1] in (b"~", b"="))
                most = int(words[at])
            at += 1
        fields = list(words[at + 1 :])
        if not fields or len(fields) % 2:
            raise Refused("ERR wrong number of arguments for 'xadd' command")
        stream = self._made(key, Stream)
        if words[at] == b"*":
            now_ms = self.now_ms()
            entry = (now_ms, 0) if now_ms > stream.last[0] else (stream.last[0], stream.last[1] + 1)
        else:
            entry = _stream_id(words[at])
            if entry <= stream.last:
                raise Refused("ERR The ID specified in XADD is equal or smaller than the target stream top item")
        stream.entries[entry] = fields
        stream.last = entry
        if most is not None and len(stream.entries) > most + 100:
            for old in list(stream.entries)[: len(stream.entries) - most]:
                del stream.entries[old]
        self.touched.add(key)
        return _id_text(entry)

    def _xlen(self, words: Words) -> Value:
        stream = self._of(words[1], Stream)
        return len(stream.entries) if stream else 0

    def _xdel(self, words: Words) -> Value:
        stream = self._of(words[1], Stream)
        if stream is None:
            return 0
        return sum(stream.entries.pop(_stream_id(word), None) is not None for word in words[2:])

    def _xrange(self, words: Words) -> Value:
        return self._entries(words, words[2], words[3], backwards=False)

    def _xrevrange(self, words: Words) -> Value:
        return self._entries(words, words[3], words[2], backwards=True)

    def _entries(self, words: Words, low: bytes, high: bytes, *, backwards: bool) -> Value:
        stream = self._of(words[1], Stream)
        if stream is None:
            return []
        first, after = _bound(low, (0, 0))
        last, before = _bound(high, (2**63, 2**63))
        found = [
            [_id_text(entry), fields]
            for entry, fields in stream.entries.items()
            if first <= entry <= last and not (after and entry == first) and not (before and entry == last)
        ]
        if backwards:
            found.reverse()
        if len(words) > 4:
            found = found[: int(words[5])]
        return found

    def _xgroup(self, words: Words) -> Value:
        action, key, name = words[1].upper(), words[2], words[3]
        stream = self._of(key, Stream)
        if action == b"CREATE":
            if stream is None:
                if b"MKSTREAM" not in [word.upper() for word in words[5:]]:
                    raise Refused(
                        "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to"
                        " use the MKSTREAM option to create an empty stream automatically."
                    )
                stream = self._keys[key] = Stream()
            if name in stream.groups:
                raise Refused("BUSYGROUP Consumer Group name already exists")
            stream.groups[name] = Group(stream.last if words[4] == b"$" else _stream_id(words[4]))
            return OK
        raise Refused("ERR unknown subcommand of xgroup")

    def _group(self, key: bytes, name: bytes) -> tuple[Stream, Group]:
        stream = self._of(key, Stream)
        if stream is None or name not in stream.groups:
            raise Refused(f"NOGROUP No such key '{key.decode()}' or consumer group '{name.decode()}'")
        return stream, stream.groups[name]

    def _xreadgroup(self, words: Words) -> Value:
        """Never blocks: the connection asks again when something was added."""
        upper = [word.upper() for word in words]
        name, consumer = words[2], words[3]
        count = int(words[upper.index(b"COUNT") + 1]) if b"COUNT" in upper else None
        at = upper.index(b"STREAMS") + 1
        half = (len(words) - at) // 2
        found = []
        for key, start in zip(words[at : at + half], words[at + half :], strict=True):
            stream, group = self._group(key, name)
            if start == b">":
                new = stream.after(group.last)
                for entry, _ in new[:count]:
                    group.last = entry
                    group.pending[entry] = Pending(consumer, self.now_ms(), 1)
                if new:
                    found.append([key, [[_id_text(entry), fields] for entry, fields in new[:count]]])
            else:
                after = _stream_id(start)
                mine = [e for e, p in sorted(group.pending.items()) if p.consumer == consumer and e > after][:count]
                found.append([key, [[_id_text(entry), stream.entries.get(entry)] for entry in mine]])
        return found or None

    def _xack(self, words: Words) -> Value:
        stream = self._of(words[1], Stream)
        if stream is None or words[2] not in stream.groups:
            return 0
        pending = stream.groups[words[2]].pending
        return sum(pending.pop(_stream_id(word), None) is not None for word in words[3:])

    def _xautoclaim(self, words: Words) -> Value:
        stream, group = self._group(words[1], words[2])
        consumer, idle_ms, start = words[3], int(words[4]), _stream_id(words[5])
        upper = [word.upper() for word in words]
        count = int(words[upper.index(b"COUNT") + 1]) if b"COUNT" in upper else 100
        now_ms = self.now_ms()
        claimed: list[Value] = []
        deleted, cursor = [], b"0-0"
        for entry in [each for each in sorted(group.pending) if each >= start]:
            if len(claimed) == count:
                cursor = _id_text(entry)
                break
            pending = group.pending[entry]
            if now_ms - pending.delivered_ms < idle_ms:
                continue
            if entry not in stream.entries:
                del group.pending[entry]
                deleted.append(_id_text(entry))
                continue
            if b"JUSTID" in upper:
                group.pending[entry] = Pending(consumer, now_ms, pending.times)
                claimed.append(_id_text(entry))
            else:
                group.pending[entry] = Pending(consumer, now_ms, pending.times + 1)
                claimed.append([_id_text(entry), stream.entries[entry]])
        return [cursor, claimed, deleted]

    def _xpending(self, words: Words) -> Value:
        _, group = self._group(words[1], words[2])
        if len(words) > 3:
            raise Refused("ERR only the short form of xpending is known here")
        consumers: dict[bytes, int] = {}
        for pending in group.pending.values():
            consumers[pending.consumer] = consumers.get(pending.consumer, 0) + 1
        ids = sorted(group.pending)
        if not ids:
            return [0, None, None, None]
        shown = [[name, b"%d" % number] for name, number in sorted(consumers.items())]
        return [len(ids), _id_text(ids[0]), _id_text(ids[-1]), shown]

    # Server

    def _ping(self, words: Words) -> Value:
        return words[1] if len(words) > 1 else Status(b"PONG")

    def _ok(self, _words: Words) -> Value:
        return OK

    def _time(self, _words: Words) -> Value:
        micro = int(self._now() * 1_000_000)
        return [b"%d" % (micro // 1_000_000), b"%d" % (micro % 1_000_000)]

    def _script(self, words: Words) -> Value:
        if words[1].upper() != b"LOAD":
            raise Refused("ERR only SCRIPT LOAD is known here")
        sha = hashlib.sha1(words[2]).hexdigest()
        self._scripts.add(sha)
        return sha.encode()

    def _eval(self, words: Words) -> Value:
        sha = self._script([b"SCRIPT", b"LOAD", words[1]])
        return self._evalsha([b"EVALSHA", sha, *words[2:]])

    def _evalsha(self, words: Words) -> Value:
        sha = words[1].decode()
        if sha not in self._scripts:
            raise Refused("NOSCRIPT No matching script. Please use EVAL.")
        equivalent = SCRIPTS.get(sha)
        if equivalent is None:
            raise AssertionError(f"no Python equivalent of the Lua script {sha}: see tests/simulation/scripts.py")
        number = int(words[2])
        return equivalent(self, list(words[3 : 3 + number]), list(words[3 + number :]))


class _Set(dict[bytes, None]):
    pass


def _plain(value: Any) -> Any:
    match value:
        case _Set():
            return sorted(value)
        case dict():
            return dict(sorted(value.items()))
        case Stream():
            groups = {
                name: (group.last, {entry: pending.consumer for entry, pending in sorted(group.pending.items())})
                for name, group in sorted(value.groups.items())
            }
            return list(value.entries.values()), len(groups)
        case _:
            return value


def _place(word: bytes, length: int) -> int:
    place = int(word)
    return place + length if place < 0 else place


def _id_text(entry: StreamId) -> bytes:
    return b"%d-%d" % entry


def _stream_id(word: bytes) -> StreamId:
    head, _, tail = word.partition(b"-")
    return int(head), int(tail or 0)


def _bound(word: bytes, open_end: StreamId) -> tuple[StreamId, bool]:
    if word in (b"-", b"+"):
        return open_end, False
    exclusive = word.startswith(b"(")
    head, dash, tail = word.removeprefix(b"(").partition(b"-")
    return (int(head), int(tail) if dash else open_end[1]), exclusive


Run = Callable[[RedisData, Words], Value]


def _table() -> dict[str, tuple[Run, bool, bool]]:
    """Name -> what it does, whether it writes, whether it is refused when memory is full."""
    reads: dict[str, Run] = {
        "EXISTS": RedisData._exists, "GET": RedisData._get, "PTTL": RedisData._pttl, "HGET": RedisData._hget,
        "HMGET": RedisData._hmget, "HGETALL": RedisData._hgetall, "HKEYS": RedisData._hkeys, "HLEN": RedisData._hlen,
        "SMEMBERS": RedisData._smembers, "SCARD": RedisData._scard, "LLEN": RedisData._llen,
        "LRANGE": RedisData._lrange, "XLEN": RedisData._xlen, "XRANGE": RedisData._xrange,
        "XREVRANGE": RedisData._xrevrange, "XPENDING": RedisData._xpending, "PING": RedisData._ping,
        "TIME": RedisData._time, "SCRIPT": RedisData._script, "EVAL": RedisData._eval, "EVALSHA": RedisData._evalsha,
        "SELECT": RedisData._ok, "CLIENT": RedisData._ok, "PUBLISH": RedisData._publish,
    }  # fmt: skip
    writes: dict[str, Run] = {
        "DEL": RedisData._del, "UNLINK": RedisData._del, "PEXPIRE": RedisData._pexpire, "HDEL": RedisData._hdel,
        "SREM": RedisData._srem, "LREM": RedisData._lrem, "XDEL": RedisData._xdel, "XACK": RedisData._xack,
        "XREADGROUP": RedisData._xreadgroup, "XAUTOCLAIM": RedisData._xautoclaim,
    }  # fmt: skip
    grows: dict[str, Run] = {
        "SET": RedisData._set, "INCR": RedisData._incr, "HSET": RedisData._hset, "SADD": RedisData._sadd,
        "LPUSH": RedisData._lpush, "RPUSH": RedisData._rpush, "LMOVE": RedisData._lmove, "XADD": RedisData._xadd,
        "XGROUP": RedisData._xgroup,
    }  # fmt: skip
    return (
        {name: (run, False, False) for name, run in reads.items()}
        | {name: (run, True, False) for name, run in writes.items()}
        | {name: (run, True, True) for name, run in grows.items()}
    )


_COMMANDS = _table()


def matches(pattern: bytes, channel: bytes) -> bool:
    return fnmatch.fnmatchcase(channel.decode(), pattern.decode())
