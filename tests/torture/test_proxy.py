"""The bad network is as bad as it says, and no worse."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from tests.torture.proxy import HOST, Proxy, proxy
from tests.valkey import serving

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
async def between() -> AsyncIterator[Proxy]:
    """Before a server that gives back what it gets."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(4096):
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    async with serving(echo) as port, proxy() as it:
        it.target = port
        yield it


async def connected(between: Proxy) -> Ends:
    reader, writer = await asyncio.open_connection(HOST, between.port)
    assert await said(reader, writer, b"hello") == b"hello"
    return reader, writer


async def said(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes) -> bytes:
    writer.write(data)
    async with asyncio.timeout(2.0):
        return await reader.readexactly(len(data))


async def silent(reader: asyncio.StreamReader) -> bool:
    try:
        async with asyncio.timeout(0.1):
            await reader.read(1)
    except TimeoutError:
        return True
    return False


async def test_forwards_both_ways(between: Proxy) -> None:
    reader, writer = await connected(between)
    assert await said(reader, writer, b"x" * 200_000) == b"x" * 200_000
    writer.close()


async def test_delays(between: Proxy) -> None:
    reader, writer = await connected(between)
    between.down.delay_s = 0.2
    began = time.monotonic()
    assert await said(reader, writer, b"late") == b"late"
    assert time.monotonic() - began >= 0.2
    writer.close()


async def test_throttles(between: Proxy) -> None:
    reader, writer = await connected(between)
    between.up.bytes_per_s = 10_000
    began = time.monotonic()
    await said(reader, writer, b"x" * 1_000)
    await said(reader, writer, b"x" * 1_000)
    assert time.monotonic() - began >= 0.1
    writer.close()


@pytest.mark.parametrize("way", ["up", "down"])
async def test_half_open_forwards_nothing_and_loses_nothing(between: Proxy, way: str) -> None:
    reader, writer = await connected(between)
    held = between.up if way == "up" else between.down
    held.hold()
    writer.write(b"kept")
    assert await silent(reader)
    held.let_go()
    assert await reader.readexactly(4) == b"kept"
    writer.close()


async def test_cut_by_reset(between: Proxy) -> None:
    reader, writer = await connected(between)
    await between.cut()
    with pytest.raises(ConnectionResetError):
        await reader.read(1)
    writer.close()


async def test_cut_in_order(between: Proxy) -> None:
    reader, writer = await connected(between)
    await between.cut(reset=False)
    assert await reader.read() == b""
    writer.close()


async def test_refuses_new_connections_and_keeps_old_ones(between: Proxy) -> None:
    reader, writer = await connected(between)
    await between.refuse()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(HOST, between.port)
    assert await said(reader, writer, b"still") == b"still"
    await between.accept()
    _, another = await connected(between)
    writer.close()
    another.close()


async def test_an_end_of_one_side_reaches_the_other(between: Proxy) -> None:
    reader, writer = await connected(between)
    writer.write(b"last words")
    writer.write_eof()
    assert await reader.read() == b"last words"
    writer.close()


async def test_a_target_that_is_away_ends_the_connection(between: Proxy) -> None:
    between.target = 1
    reader, writer = await asyncio.open_connection(HOST, between.port)
    with pytest.raises(ConnectionResetError):
        await reader.read(1)
    writer.close()
