"""`/livez`, `/readyz` and `/metrics`, and the server that serves them.

Guarantees: `/livez` answers 200 while the loop runs; `/readyz` answers 200 when nothing is in the way, else 503
with each thing that is not ready and why; an address that cannot be listened on is told in plain words.
"""

import errno
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from orchestrator.web.problems import MOST_BYTES

if TYPE_CHECKING:
    from aiohttp.typedefs import Middleware

_PROMETHEUS_TEXT = "text/plain; version=0.0.4; charset=utf-8"
_FRESH = {"Cache-Control": "no-store"}
_CLOSE_WITHIN_S = 1.0


class CannotListen(Exception):
    """The address is taken, or is none of this machine's, or the certificate for it is of no use."""


def health_app(
    ready: Callable[[], Mapping[str, str]], metrics: Callable[[], bytes], *middlewares: "Middleware"
) -> web.Application:
    """`ready` names what is not ready, and why (empty: all is); `metrics` gives the page in Prometheus' text
    format 0.0.4. Other pages may be added; `middlewares` stand before all of them."""

    async def livez(_request: web.Request) -> web.Response:
        return web.Response(text="ok\n", headers=_FRESH)

    async def readyz(_request: web.Request) -> web.Response:
        problems = dict(ready())
        body = {"ready": not problems, "problems": problems}
        return web.json_response(body, status=503 if problems else 200, headers=_FRESH)

    async def page(_request: web.Request) -> web.Response:
        return web.Response(body=metrics(), headers={**_FRESH, "Content-Type": _PROMETHEUS_TEXT})

    app = web.Application(middlewares=middlewares, client_max_size=MOST_BYTES)
    app.add_routes([web.get("/livez", livez), web.get("/readyz", readyz), web.get("/metrics", page)])
    return app


@asynccontextmanager
async def serve(app: web.Application, host: str, port: int, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Serves until left; yields the address as bound (port 0: any free one). Raises `CannotListen`."""
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=_CLOSE_WITHIN_S)
    await runner.setup()
    try:
        await _listen(runner, host, port, tls)
        bound = runner.addresses[0]
        yield f"{'https' if tls else 'http'}://{f'[{bound[0]}]' if ':' in bound[0] else bound[0]}:{bound[1]}"
    finally:
        await runner.cleanup()


def tls_context(cert: Path, key: Path) -> ssl.SSLContext:
    """Raises `CannotListen` where they cannot be used."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(cert, key, password=lambda: "")  # else the library asks for one on the terminal
    except OSError as error:  # of a file that is no certificate too
        why = error.strerror if isinstance(error, FileNotFoundError | PermissionError) else "not a pair in PEM"
        raise CannotListen(f"{cert}, {key} (http.tls_cert, http.tls_key): {why}") from error
    return context


async def _listen(runner: web.AppRunner, host: str, port: int, tls: ssl.SSLContext | None) -> None:
    try:
        await web.TCPSite(runner, host, port, ssl_context=tls).start()
    except OSError as error:
        raise CannotListen(f"{host}:{port} (http.host, http.port): {_why(error)}") from error


def _why(error: OSError) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return "taken by another program; choose another port, or 0 for any free one"
        case errno.EACCES:
            return "this user may not listen there; ports below 1024 are for root"
        case errno.EADDRNOTAVAIL:
            return "not an address of this machine"
        case _:
            return error.strerror or type(error).__name__
