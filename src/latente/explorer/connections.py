"""Connections, bounded in number and time: whoever opens many, or is slow, keeps nobody else from an answer."""

from __future__ import annotations

import asyncio
import os
import socket
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

MOST = 1024
"""Connections at a time."""

SPARED = 128
"""Files and sockets that this process may open beside them."""

HEAD_SECONDS = 10.0
"""In which a connection's next request must be there, but for its body; an idle one is closed earlier, by uvicorn."""

BODY_SECONDS = 120.0
"""In which a request's body must be there."""

READ_SECONDS = 60.0
"""In which a client that reads slowly must make room for more of the answer."""

FAIR_SECONDS = 1.0
"""A connection that has said nothing whole for so long makes room for another, where there are too many."""

BUSY = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


def most() -> int:
    """Connections at a time in this process: `MOST`, or what its limit of open files leaves."""
    try:
        import resource
    except ImportError:  # Windows has no such limit.
        return MOST
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return MOST if soft == resource.RLIM_INFINITY else max(8, min(MOST, soft - SPARED, soft // 2 + soft // 4))


class Bounded(H11Protocol):
    """uvicorn's connection, closed where the other side is too slow, or where there are too many."""

    _timer: asyncio.TimerHandle | None = None
    _waits_since = 0.0
    """When the wait for a whole request began; infinite while one is answered."""

    def connection_made(self, transport: Any) -> None:
        """Admit it, in the place of one that says nothing if need be."""
        super().connection_made(transport)
        self._wait_for_head()
        if len(self.connections) > most():
            slowest = min((c for c in self.connections if isinstance(c, Bounded)), key=lambda c: c._waits_since)
            if slowest._waits_since < self.loop.time() - FAIR_SECONDS:
                slowest._drop()
            else:
                transport.write(BUSY)
                transport.close()

    def data_received(self, data: bytes) -> None:
        """Take what has come."""
        if not self.transport.is_closing():
            super().data_received(data)

    def handle_events(self) -> None:
        """As before, and set the time for what is to come next."""
        answered = self.cycle is None or self.cycle.response_complete
        super().handle_events()
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            return
        if answered:
            # A request has come.
            self._waits_since = float("inf")
            self._arm(BODY_SECONDS if cycle.more_body else None)
        elif not cycle.more_body:
            self._arm(None)

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        self._wait_for_head()
        super().on_response_complete()

    def pause_writing(self) -> None:
        """The client reads too slowly."""
        super().pause_writing()
        self._arm(READ_SECONDS)

    def resume_writing(self) -> None:
        """The client has read."""
        super().resume_writing()
        self._arm(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self._arm(None)
        super().connection_lost(exc)

    def _wait_for_head(self) -> None:
        self._waits_since = self.loop.time()
        self._arm(HEAD_SECONDS)

    def _arm(self, seconds: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if seconds is None else self.loop.call_later(seconds, self._drop)

    def _drop(self) -> None:
        self._waits_since = float("inf")
        self.transport.abort()
        self.connections.discard(self)


class QuietServer(uvicorn.Server):
    """Says nothing of what others do to it: its standard error is the user's terminal."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        if not os.environ.get("LATENTE_DEBUG"):
            asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
        await super().startup(sockets)
