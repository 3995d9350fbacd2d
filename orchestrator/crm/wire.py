"""One connection to Redis for one reader.

Guarantees: a command is sent once, and its answer is awaited within a bound, so a half-open connection is noticed.
A connection that failed is closed, and the next command begins a new one; one that merely said no goes on. Answers
are raw: bytes, numbers, None and lists of these.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from orchestrator.redis_clients import connection_of

ANSWER_S = 3.0
"""For a batch of large messages over a slow network."""
BLOCK_S = 5.0
"""How long Redis is asked to wait for a message; then it says that there is none, which is a sign of life."""

Word = str | bytes | int | float


class Wire:
    def __init__(self, client: Redis) -> None:
        """`client` has a single connection, which is this reader's alone."""
        self._client = client

    async def ask(self, *command: Word, within_s: float | None = None) -> Any:
        """One command. Raises what redis-py raises, and `TimeoutError`."""
        (answer,) = await self.ask_each([command], within_s)
        return answer

    async def ask_each(self, commands: Sequence[Sequence[Word]], within_s: float | None = None) -> list[Any]:
        """Several in one trip. All are carried out; then the first that was refused raises."""
        refused: ResponseError | None = None
        answers: list[Any] = []
        async with asyncio.timeout(ANSWER_S if within_s is None else within_s):
            connection = await connection_of(self._client)
            await connection.send_packed_command(connection.pack_commands(commands))
            for _ in commands:  # every answer is read, or it would be taken for that of the next command
                try:
                    answers.append(await connection.read_response())
                except ResponseError as error:
                    refused = refused or error
        if refused is not None:
            raise refused
        return answers
