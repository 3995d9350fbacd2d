"""The feed against a real server: connected, followed, lost and found again."""

from orchestrator.core.model import FeedState
from tests.voicenter.conftest import Follow, Told
from tests.voicenter.vendor import Vendor, until


async def test_a_snapshot_makes_it_synced(vendor: Vendor, follow: Follow, told: Told) -> None:
    async with follow(vendor) as feed:
        await until(lambda: feed.problem is None)
        assert feed.server == vendor.url
    assert told.states == [FeedState.SYNCING, FeedState.SYNCED]
    assert vendor.logins == [("Token", {"token": "secret-token"})]


async def test_engineio_4(vendor4: Vendor, follow: Follow, told: Told) -> None:
    async with follow(vendor4, engineio=4) as feed:
        await until(lambda: feed.problem is None)
    assert told.states == [FeedState.SYNCING, FeedState.SYNCED]
