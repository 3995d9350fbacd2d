"""The durable copy of an account's state in Redis, and its window for others (docs/redis.md)."""
