"""Which addresses lead to this machine alone."""

from ipaddress import ip_address
from urllib.parse import urlsplit


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens there. A name other than localhost may mean any address."""
    try:
        return host.lower() == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def in_clear(address: str) -> bool:
    """Whether what is sent to this web address crosses a network for everybody to read."""
    parts = urlsplit(address)
    return parts.scheme == "http" and not is_loopback(parts.hostname or "")
