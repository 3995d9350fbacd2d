"""Which daemon is asked, and with which token.

Guarantees: what was typed wins over the environment; a token is no argument, where the list of processes would show
it, stands in no repr, and crosses no network in clear; an address with a password in it is turned down and not
repeated.
"""

import argparse
import hashlib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from orchestrator.config import Http, load_listening
from orchestrator.loopback import is_loopback

URL, TOKEN = "MUTE_ORCHESTRATOR_URL", "MUTE_ORCHESTRATOR_TOKEN"

_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where it listens everywhere, it listens here
_END = "-----END CERTIFICATE-----"


class Unusable(Exception):
    """What says where the daemon is, or which token it takes, is of no use; the text says what would be right."""


@dataclass(frozen=True, slots=True)
class Address:
    url: str
    """Without a slash at its end."""
    token: str = field(default="", repr=False)
    """Empty: none."""
    certificate: aiohttp.Fingerprint | None = None
    """The only one to be trusted, whoever vouches for it; None: as the system has it."""


def take_arguments(parser: argparse.ArgumentParser) -> None:
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--url", help=f"of the daemon (default: ${URL}; else as the configuration has it)")
    where.add_argument("--config", type=Path, metavar="FILE", help="the daemon's TOML, which says where it listens")
    parser.add_argument("--token-file", type=Path, metavar="FILE", help=f"with the API's token (default: ${TOKEN})")


def address(args: argparse.Namespace, environ: Mapping[str, str]) -> Address:
    """Raises `Unusable`, and `ConfigError`."""
    token = _token(args.token_file, environ)
    if args.url:
        found = Address(_given(args.url, "--url"), token)
    elif args.config is None and environ.get(URL):
        found = Address(_given(environ[URL], URL), token)
    else:
        found = _configured(load_listening(args.config, environ), token)
    parts = urlsplit(found.url)
    if token and parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise Unusable(f"{found.url}: the token would cross the network in clear; give an address with https")
    return found


def _given(text: str, by: str) -> str:
    try:
        parts = urlsplit(text)
        fit = bool((parts.hostname or "").encode("idna")) and parts.port != 0
        fit = fit and text.isprintable() and " " not in text
    except ValueError:  # of a port, a name or brackets that are none
        fit = False
    if not fit or parts.scheme not in ("http", "https") or "@" in parts.netloc or parts.query or parts.fragment:
        raise Unusable(f"{by}: not an address like http://127.0.0.1:8080 or https://mute.example.com")
    return text.rstrip("/")


def _configured(http: Http, token: str) -> Address:
    if not http.port:
        raise Unusable("http.port: 0 is any free one, so it tells nothing; give the address with --url")
    host = _ANY.get(http.host, http.host)
    scheme = "https" if http.tls_cert else "http"
    url = f"{scheme}://{f'[{host}]' if ':' in host else host}:{http.port}"
    return Address(url, token, _fingerprint(http.tls_cert) if http.tls_cert else None)


def _fingerprint(file: Path) -> aiohttp.Fingerprint:
    try:
        first, _, _ = file.read_text("ascii").partition(_END)
        return aiohttp.Fingerprint(hashlib.sha256(ssl.PEM_cert_to_DER_cert(_pem(first))).digest())
    except OSError as error:
        raise Unusable(f"{file} (http.tls_cert): cannot be read ({error.strerror})") from None
    except ValueError:
        raise Unusable(f"{file} (http.tls_cert): not a certificate in PEM") from None


def _pem(text: str) -> str:
    """The certificate without what people write before it."""
    return text[max(0, text.find("-----BEGIN CERTIFICATE-----")) :] + _END


def _token(file: Path | None, environ: Mapping[str, str]) -> str:
    if file is None:
        by, token = TOKEN, environ.get(TOKEN, "").strip()
    else:
        by = f"--token-file: {file}"
        try:
            token = file.read_text("utf-8").strip()
        except OSError as error:
            raise Unusable(f"{by} cannot be read ({error.strerror})") from None
        except ValueError:
            raise Unusable(f"{by} is not a file of UTF-8 text") from None
        if not token:
            raise Unusable(f"{by} is empty")
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise Unusable(f"{by}: not a token: one word of letters, digits and signs")
    return token
