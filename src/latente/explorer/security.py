"""What stands before every request: host, origin, token and size; and the headers every answer carries.

A page of another site that a person has open can send requests to this machine too. So only the names of this machine
are answered (which stops DNS rebinding), only requests of our own page, and with a token where others can reach us.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any
from urllib.parse import parse_qs

Scope = MutableMapping[str, Any]

Event = MutableMapping[str, Any]

Receive = Callable[[], Awaitable[Event]]

Send = Callable[[Event], Awaitable[None]]

App = Callable[[Scope, Receive, Send], Awaitable[None]]

MAX_BODY = 16 * 2**20
"""Bytes of a request: an image file, or some thousands of codes or examples."""

MAX_HELD = 128 * 2**20
"""Bytes of all requests' bodies that are held at a time."""

LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")


class TooLarge(Exception):
    """A body beyond `MAX_BODY`, noticed while it is read."""


def is_loopback(host: str) -> bool:
    """Whether a server at that host answers this machine only."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Busy(Exception):
    """More than `MAX_HELD`, noticed while a body is read."""


class SecurityMiddleware:
    """An ASGI application around another.

    Args:
        app: what answers the requests that are let through.
        token: what the address must carry (``?token=``) or a request's ``X-Latente-Token``; None on loopback.
        policy: the Content-Security-Policy of every answer.
        names: how a request may call this server, beside `LOCAL_NAMES`, where there is no token.
    """

    def __init__(self, app: App, token: str | None, policy: str, names: Sequence[str] = ()) -> None:
        self.app, self.token, self.names = app, token, (*LOCAL_NAMES, *names)
        self.held = 0
        self.headers = [
            (b"content-security-policy", policy.encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"no-referrer"),
            (b"cross-origin-opener-policy", b"same-origin"),
            (b"cross-origin-resource-policy", b"same-origin"),
            (b"cache-control", b"no-store"),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
            return

        async def send_on(message: Event) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), *self.headers]}
            await send(message)

        headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
        refused = self._refusal(scope, headers)
        if refused:
            from starlette.responses import PlainTextResponse

            status, text = refused
            await PlainTextResponse(text, status)(scope, receive, send_on)
            return
        read = 0

        async def receive_some() -> Event:
            nonlocal read
            message = await receive()
            size = len(message.get("body", b""))
            read += size
            self.held += size
            if read > MAX_BODY:
                raise TooLarge(TOO_LARGE)
            if self.held > MAX_HELD:
                raise Busy("too many large requests at a time; try again")
            return message

        try:
            await self.app(scope, receive_some, send_on)
        finally:
            self.held -= read

    def _refusal(self, scope: Scope, headers: dict[str, str]) -> tuple[int, str] | None:
        host = headers.get("host", "")
        if self.token is None and _name(host).lower() not in self.names:
            return 403, "this server answers at localhost only; open the address that latente explore printed"
        origin = headers.get("origin")
        if origin is not None and origin != f"{scope.get('scheme', 'http')}://{host}":
            return 403, "requests of other pages are not answered"
        # A page may be opened from anywhere (a link, a notebook's frame); its data is for itself alone.
        if scope["path"] != "/" and headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return 403, "requests of other pages are not answered"
        if self.token is not None:
            asked = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token", [""])[0]
            given = headers.get("x-latente-token") or asked
            if not hmac.compare_digest(given.encode(), self.token.encode()):
                return 401, "the address lacks its token; open the whole address that latente explore printed"
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > MAX_BODY:
            return 413, TOO_LARGE
        return None


TOO_LARGE = f"the body is larger than {MAX_BODY // 2**20} MiB; send less at a time"


def _name(host: str) -> str:
    return host.rsplit(":", 1)[0] if not host.endswith("]") else host
