"""The account of the store's tests is theirs."""

from collections.abc import AsyncIterator

import pytest

from orchestrator.store.lease import Lease
from tests.store.owner import owning
from tests.valkey import Valkey


@pytest.fixture
async def lease(valkey: Valkey) -> AsyncIterator[Lease]:
    async with owning(valkey.url) as ours:
        yield ours
