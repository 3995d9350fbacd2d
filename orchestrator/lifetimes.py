"""How long things run: until a block is left, until asked to stop, until all are done.

Guarantees: nothing is left running; an exception of any of them ends them all.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager
from typing import Any


@asynccontextmanager
async def lasting(*endless: Coroutine[Any, Any, Any]) -> AsyncIterator[None]:
    """These run until the block is left."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(each) for each in endless]
        yield
        for task in tasks:
            task.cancel()


async def together(each: Iterable[Coroutine[Any, Any, None]]) -> None:
    async with asyncio.TaskGroup() as group:
        for coroutine in each:
            group.create_task(coroutine)


async def unless(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
    """Do the work, or give it up when asked to stop. Whether it was done."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(work)
        waiting = group.create_task(stop.wait())
        await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
        task.cancel()
        waiting.cancel()
    return not task.cancelled()
