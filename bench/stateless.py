"""The script that everybody writes first: publish in, POST out, no state. The yardstick for latency alone."""

import asyncio
import json
import sys

import aiohttp
from redis.asyncio import Redis


async def main(redis_url: str, channel: str, mute_url: str) -> None:
    async with Redis.from_url(redis_url) as redis, redis.pubsub() as pubsub, aiohttp.ClientSession() as http:
        await pubsub.subscribe(channel)
        async for message in pubsub.listen():
            if message["type"] == "message":
                event = json.loads(message["data"])
                state = "1" if event["type"].endswith("started") else "0"
                async with http.post(mute_url, json={"extension": event["extension"], "state": state}) as response:
                    await response.json()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
