"""Keeps one account logged in: a session whenever one is needed, renewed before its token expires.

A refused login is told once and tried again only every `refused_retry_s`; one that could not be asked is tried
again with backoff. Nobody else talks to the login server, so it is never hammered.
"""

import asyncio
import random
from dataclasses import replace

import aiohttp

from orchestrator.clock import Clock
from orchestrator.engine.notices import LoginDone, LoginFailed
from orchestrator.engine.ports import Observer
from orchestrator.loopback import in_clear
from orchestrator.voicenter.backoff import backoff_s
from orchestrator.voicenter.login import LoginRefused, LoginUnavailable, Session, log_in, refresh
from orchestrator.voicenter.settings import FeedSettings


class Access:
    def __init__(
        self,
        settings: FeedSettings,
        http: aiohttp.ClientSession,
        clock: Clock,
        rng: random.Random,
        observer: Observer,
    ) -> None:
        self._settings = settings
        self._http = http
        self._clock = clock
        self._rng = rng
        self._observer = observer
        self._session: Session | None = None
        self._renew_at: float | None = None
        self._doubtful = False
        self._refusal_told = False
        self.problem: str | None = "not logged in yet"
        """Why there is no session; None when there is one."""

    async def session(self) -> Session:
        """A session to connect with, however long that takes."""
        if self._session is None:
            return await self._log_in()
        if self._renew_at is not None and self._clock.now() >= self._renew_at:
            return await self._renew(self._session)
        if self._doubtful:
            return await self._log_in_or_keep(self._session)
        return self._session

    async def renewed(self) -> bool:
        """Get a new session when the token is about to expire; False, at once, where it never does."""
        if self._session is None or self._renew_at is None:
            return False
        await asyncio.sleep(max(0.0, self._renew_at - self._clock.now()))
        await self._renew(self._session)
        return True

    def drop(self) -> None:
        """The server refused the session: the next one takes a login."""
        self._session = None
        self.problem = "session refused by the server"

    def doubt(self) -> None:
        """No server of the session could be used: ask for a new one, and keep this one if there is no answer."""
        self._doubtful = True

    async def _renew(self, session: Session) -> Session:
        if session.refresh_token is not None:
            settings = self._settings
            try:
                fresh = await refresh(
                    self._http, settings.refresh_url, session.refresh_token, self._clock, settings.login_timeout_s
                )
                fresh = self._without_clear(fresh)
            except (LoginRefused, LoginUnavailable) as error:
                self._observer.notice(LoginFailed(f"token refresh: {error}", refused=False, retry_in_s=0.0))
            else:
                return self._keep(fresh, refreshed=True)
        return await self._log_in()

    async def _log_in_or_keep(self, session: Session) -> Session:
        self._doubtful = False
        try:
            return self._keep(await self._ask(), refreshed=False)
        except LoginUnavailable as error:
            self._observer.notice(LoginFailed(str(error), refused=False, retry_in_s=0.0))
            return session
        except LoginRefused as error:
            await asyncio.sleep(self._refused(str(error)))
            return await self._log_in()

    async def _log_in(self) -> Session:
        attempt = 0
        while True:
            try:
                return self._keep(await self._ask(), refreshed=False)
            except LoginRefused as error:
                wait_s = self._refused(str(error))
            except LoginUnavailable as error:
                wait_s = self._unavailable(str(error), attempt)
                attempt += 1
            await asyncio.sleep(wait_s)

    async def _ask(self) -> Session:
        settings = self._settings
        session = await log_in(
            self._http,
            settings.login_url,
            settings.login_type,
            settings.credentials,
            self._clock,
            settings.login_timeout_s,
        )
        return self._without_clear(session)

    def _without_clear(self, session: Session) -> Session:
        """Without the servers to which the token would go in clear. Raises `LoginUnavailable` where none is left."""
        if self._settings.allow_http:
            return session
        servers = tuple(server for server in session.servers if not in_clear(server))
        if not servers:
            raise LoginUnavailable('all servers are http://, which takes allow_http = "yes"')
        return replace(session, servers=servers)

    def _refused(self, why: str) -> float:
        wait_s = self._settings.refused_retry_s
        self.problem = f"login refused: {why}"
        if not self._refusal_told:
            self._refusal_told = True
            self._observer.notice(LoginFailed(why, refused=True, retry_in_s=wait_s))
        return wait_s

    def _unavailable(self, why: str, attempt: int) -> float:
        wait_s = backoff_s(attempt, self._settings.retry_first_s, self._settings.retry_most_s, self._rng)
        self.problem = f"login not possible: {why}"
        self._observer.notice(LoginFailed(why, refused=False, retry_in_s=wait_s))
        return wait_s

    def _keep(self, session: Session, refreshed: bool) -> Session:
        self._session = session
        self._doubtful = False
        self._refusal_told = False
        self.problem = None
        now = self._clock.now()
        left_s = None if session.expires_at is None else session.expires_at - now
        # A token of a few seconds is used for half of them, so that renewals never chase one another.
        self._renew_at = None if left_s is None else now + max(left_s - self._settings.refresh_ahead_s, left_s / 2)
        self._observer.notice(LoginDone(refreshed, len(session.servers), left_s))
        return session
