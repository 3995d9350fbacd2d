"""Indexes of the state: which names go with a key.

Guarantee: a key with which none goes is not there, so an index is as large as what it tells of.
"""

Index = dict[str, frozenset[str]]


def add(index: Index, key: str, name: str) -> None:
    index[key] = index.get(key, frozenset()) | {name}


def drop(index: Index, key: str, name: str) -> None:
    """Raises KeyError where nothing goes with the key."""
    left = index[key] - {name}
    if left:
        index[key] = left
    else:
        del index[key]
