"""Short words for what goes wrong on the network, fit for logs and for readiness.

They are of our own making: an exception's own text may carry the address it was about, and with it a token.
"""

import aiohttp


def fault(error: Exception) -> str:
    """What happened, in a few words."""
    match error:
        case aiohttp.ClientConnectorDNSError():
            return "host not found"
        case aiohttp.ClientConnectorCertificateError():
            return "certificate not trusted"
        case aiohttp.ClientSSLError():
            return "TLS failed"
        case aiohttp.ClientConnectorError():
            return "no connection"
        case aiohttp.WSServerHandshakeError():
            return f"HTTP {error.status} instead of a WebSocket"
        case aiohttp.InvalidURL():
            return "not an address"
        case TimeoutError():
            return "no answer in time"
        case aiohttp.ClientResponseError():
            return "answer is not HTTP"
        case _:
            return "connection broken"
