"""Several commands as one step, in one round trip and with one answer: a script that runs what it is given.

A MULTI pipeline is as atomic, but has an answer to parse for every command and two more; this is on the way of
every mute.
"""

from collections.abc import Sequence

from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from orchestrator.redis_clients import connection_of
from orchestrator.store.lease import Lease
from orchestrator.store.scripts import script

Word = str | bytes | int | float
Command = tuple[Word, ...]

WRITES = "writes"
"""The field of the owner's hash that counts what our scripts wrote."""
WORDS_AT_ONCE = 4000
"""Lua's `unpack` takes about 8,000."""


class Commands:
    """Collects commands; `run` sends them to the keys they name."""

    def __init__(self) -> None:
        self._keys: dict[str, None] = {}
        self._commands: list[Command] = []

    def add(self, name: str, key: str, words: Sequence[Word]) -> None:
        """One command; a longer one in parts, so it must be one that may be parted (HSET, HDEL)."""
        self._keys[key] = None
        for at in range(0, len(words), WORDS_AT_ONCE):
            self._commands.append((name, key, *words[at : at + WORDS_AT_ONCE]))

    def publish(self, channel: str, text: Word) -> None:
        """A channel is no key: in a cluster every node has all of them."""
        self._commands.append(("PUBLISH", channel, text))

    def __len__(self) -> int:
        return len(self._commands)

    @property
    def keys(self) -> list[str]:
        return list(self._keys)

    @property
    def words(self) -> list[Word]:
        return [word for command in self._commands for word in (len(command), *command)]


class OwnScript:
    """One of our scripts, sent over the one connection of a client, which must be its user's alone."""

    def __init__(self, client: Redis, name: str) -> None:
        self._client = client
        self._script = client.register_script(script(name))

    async def run(self, keys: Sequence[str], args: Sequence[Word]) -> int:
        """The number of this write. What it does is done or, where Redis is away, nobody knows; where the fence
        refuses, nothing is."""
        connection = self._client.connection or await connection_of(self._client)
        try:
            await connection.send_packed_command(packed("EVALSHA", self._script.sha, len(keys), *keys, *args))
            return int(await connection.read_response())
        except NoScriptError:  # Redis was started anew, or flushed its scripts
            return int(await self._script(keys=keys, args=args))


class CommandRunner:
    def __init__(self, client: Redis, lease: Lease) -> None:
        self._lease = lease
        self._script = OwnScript(client, "commands")

    async def run(self, commands: Commands) -> int | None:
        """All of them as one step. Without any command nothing is sent."""
        if not commands:
            return None
        return await self._script.run([self._lease.key, *commands.keys], [*self._lease.words, *commands.words])


def packed(*words: Word) -> bytes:
    """A command as it goes over the wire (RESP), in half the time that the library takes for it."""
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        raw = word if isinstance(word, bytes) else str(word).encode("utf-8", "surrogatepass")
        parts.append(b"$%d\r\n%b\r\n" % (len(raw), raw))
    return b"".join(parts)
