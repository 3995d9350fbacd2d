"""The page and its files: read once at the start, served as they are.

Guarantees: nothing but these files can be had; a browser runs and loads nothing that is not one of them, and shows
the page in no other site's frame.
"""

import hashlib
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path

from aiohttp import web

FOLDER = Path(__file__).parent / "page"
INDEX = "index.html"

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


class PageFiles:
    def __init__(self, folder: Path) -> None:
        self._files: Mapping[str, tuple[bytes, Mapping[str, str]]] = {
            path.relative_to(folder).as_posix(): _read(path)
            for path in sorted(folder.rglob("*"))
            if path.suffix in _TYPES
        }

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/", self._index), web.get("/page/{file:.+}", self._file)]

    async def _index(self, request: web.Request) -> web.Response:
        return self._answer(request, INDEX)

    async def _file(self, request: web.Request) -> web.Response:
        return self._answer(request, request.match_info["file"])

    def _answer(self, request: web.Request, name: str) -> web.Response:
        if name not in self._files:
            raise web.HTTPNotFound
        body, headers = self._files[name]
        known = {tag.strip().removeprefix("W/") for tag in request.headers.get("If-None-Match", "").split(",")}
        if headers["ETag"] in known:
            return web.Response(status=HTTPStatus.NOT_MODIFIED, headers={**_HEADERS, "ETag": headers["ETag"]})
        return web.Response(body=body, headers={**_HEADERS, **headers})


def _read(path: Path) -> tuple[bytes, Mapping[str, str]]:
    body = path.read_bytes()
    return body, {"Content-Type": _TYPES[path.suffix], "ETag": f'"{hashlib.sha256(body).hexdigest()[:32]}"'}
