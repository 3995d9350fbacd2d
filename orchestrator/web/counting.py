"""Each request that is answered is told of, by route and method: never by the path, which names sections."""

from typing import TYPE_CHECKING

from aiohttp import web

from orchestrator.engine.notices import RequestServed
from orchestrator.engine.ports import Observer
from orchestrator.web.problems import Handler

if TYPE_CHECKING:
    from aiohttp.typedefs import Middleware

_METHODS = ("GET", "HEAD", "PUT", "POST", "DELETE")
"""Of our routes. Any other word may stand in a request, and labels must stay few."""


def counting(observer: Observer) -> "Middleware":
    @web.middleware
    async def count(request: web.Request, handler: Handler) -> web.StreamResponse:
        answer = await handler(request)
        resource = request.match_info.route.resource
        route = "other" if resource is None else resource.canonical
        method = request.method if request.method in _METHODS else "OTHER"
        observer.notice(RequestServed(route, method, answer.status))
        return answer

    return count
