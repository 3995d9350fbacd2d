"""How Redis is reached: URL, user and password, TLS, a Unix socket; and that nothing is sent twice."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
import uvloop
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError
from redis.exceptions import ConnectionError as RedisConnectionError

from orchestrator.redis_clients import connection_of, reader, writer
from orchestrator.redis_errors import REDIS_FAILURES, why
from orchestrator.store.commands import packed
from tests.certificate import certificate_in
from tests.valkey import SOON_S, Valkey, client_of, pump, serving, until, valkey_in

PASSWORD = "p@ss:w/ö rd%"


@pytest.mark.parametrize("make", [writer, reader])
@pytest.mark.parametrize(
    "url", ["http://user:hush@host", "host:6379", "", "redis://user:hush/hush@host:6379", "redis://:hush@host:port"]
)
def test_a_wrong_url_is_refused_without_repeating_it(make: Callable[[str], Redis], url: str) -> None:
    with pytest.raises(ValueError, match=r"not a Redis URL; right is redis://") as caught:
        make(url)
    assert "hush" not in str(caught.value)
    assert caught.value.__suppress_context__


async def test_a_url_cannot_turn_what_the_program_relies_on() -> None:
    """Text instead of bytes, or a silent second attempt."""
    client = writer("redis://h?decode_responses=true&protocol=3&socket_timeout=1&retry_on_timeout=true")
    options = client.connection_pool.connection_kwargs
    assert (options["decode_responses"], options["protocol"], options["socket_timeout"]) == (False, 2, None)
    assert options["retry"].get_retries() == 0
    await client.aclose()


async def test_a_user_of_the_access_list_with_a_password_in_the_url(tmp_path: Path) -> None:
    async with valkey_in(tmp_path) as valkey, client_of(valkey.url) as admin:
        await admin.acl_setuser(
            "mute", enabled=True, passwords=[f"+{PASSWORD}"], keys=["mute:*"], categories=["+@all"]
        )
        await admin.acl_setuser("default", enabled=True, reset_passwords=True, passwords=["+other"])
        at = f"127.0.0.1:{valkey.port}/0"
        async with client_of(f"redis://mute:{quote(PASSWORD, safe='')}@{at}") as client:
            assert await client.set("mute:a", "1")
            assert await client.acl_whoami() == "mute"
        async with client_of(f"redis://mute:hush@{at}") as client:
            with pytest.raises(AuthenticationError) as caught:
                await client.ping()
            assert why(caught.value) == "Redis refused the user name or the password"


async def test_a_database_other_than_the_first(valkey: Valkey, redis: Redis) -> None:
    async with client_of(f"redis://127.0.0.1:{valkey.port}/3") as client:
        await client.set("a", "1")
        assert await redis.get("a") is None
        assert await client.get("a") == b"1"


async def test_a_unix_socket(valkey: Valkey, redis: Redis) -> None:
    async with client_of(f"unix://{valkey.socket}") as client:
        await client.set("a", "1")
    assert await redis.get("a") == b"1"


async def test_nobody_there_is_said_in_plain_words(valkey: Valkey) -> None:
    await valkey.kill()
    async with client_of(valkey.url) as client:
        with pytest.raises(REDIS_FAILURES) as caught:
            await client.ping()
    assert why(caught.value) == "no connection to Redis: connection refused"


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
async def test_what_was_reset_is_no_connection_whichever_loop_says_so(run: Callable[..., str]) -> None:
    async def story(port: int) -> str:
        async with client_of(f"redis://127.0.0.1:{port}/0") as client:
            connection = await connection_of(client)
            await client.ping()  # the only one that is answered
            await until(lambda: bool(connection._writer and connection._writer.is_closing()))
            await asyncio.sleep(0)  # now the loop has closed its side, too
            with pytest.raises(REDIS_FAILURES) as caught:
                await connection.send_packed_command(packed("PING"))
            return why(caught.value)

    async with serving(_resetting) as port:
        assert (await asyncio.to_thread(run, story(port))).startswith("no connection to Redis")


async def _resetting(reader: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
    """Answers once, and resets the connection."""
    await reader.read(4096)
    out.write(b"+PONG\r\n")
    await out.drain()
    out.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    out.transport.abort()


async def test_a_command_whose_reply_is_lost_is_not_sent_again(valkey: Valkey, redis: Redis) -> None:
    """The server ran it; running it once more would write a second entry."""
    async with _losing_replies(valkey) as port, client_of(f"redis://127.0.0.1:{port}/0") as client:
        with pytest.raises(RedisConnectionError):
            await client.xadd("stream", {"a": "1"})
    assert await redis.xlen("stream") == 1


@asynccontextmanager
async def _losing_replies(valkey: Valkey) -> AsyncIterator[int]:
    """A way to the server that breaks as soon as the server has answered."""

    async def carry(reader: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        server_in, server_out = await asyncio.open_connection("127.0.0.1", valkey.port)
        server_out.write(await reader.read(4096))
        await server_in.read(1)
        for way in (server_out, out):
            way.close()
            await way.wait_closed()

    async with serving(carry) as port:
        yield port


async def test_tls(tmp_path: Path, valkey: Valkey, redis: Redis) -> None:
    """The embedded binary is built without TLS, so a terminator stands before it: what is tested is our side."""
    certificate, key = certificate_in(tmp_path)
    async with _terminating_tls(valkey, certificate, key) as port:
        async with client_of(f"rediss://localhost:{port}/0?ssl_ca_certs={quote(str(certificate))}") as client:
            await client.set("a", "1")
        assert await redis.get("a") == b"1"
        async with client_of(f"rediss://localhost:{port}/0") as client:
            with pytest.raises(REDIS_FAILURES) as caught:
                await client.ping()  # nobody vouches for this certificate
        assert why(caught.value).startswith("no connection to Redis")


@asynccontextmanager
async def _terminating_tls(valkey: Valkey, certificate: Path, key: Path) -> AsyncIterator[int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    async def carry(reader: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        server_in, server_out = await asyncio.open_connection("127.0.0.1", valkey.port)
        await asyncio.gather(pump(reader, server_out), pump(server_in, out))

    async with serving(carry, context) as port:
        yield port


async def test_a_frozen_server_costs_the_bound_of_the_caller(valkey: Valkey) -> None:
    async with client_of(valkey.url) as client:
        await client.ping()
        valkey.freeze()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await client.ping()
        valkey.thaw()
        async with asyncio.timeout(SOON_S):
            assert await client.ping()  # on a new connection: the late answer belongs to nobody
