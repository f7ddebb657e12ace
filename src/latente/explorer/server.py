"""The explorer's server: Starlette, binary bodies, one process that holds the models."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from latente.errors import DataError, LatenteError
from latente.explorer import packing
from latente.explorer.build_page import Page
from latente.explorer.catalogue import Shelf
from latente.explorer.security import Busy, Guard, TooLarge
from latente.explorer.uploads import read_picture

MAX_ROWS = 8192

MAX_ANSWER = 64 * 2**20
"""Bytes of examples in one answer."""

QUICK = 64
"""Codes that are decoded at once, without a thread: it takes less than handing them to one."""

Handler = Callable[[Request], Awaitable[Response]]


def application(shelf: Shelf, page: Page, token: str | None = None, names: Sequence[str] = ()) -> Guard:
    """The ASGI application that serves the page and answers it."""
    # A picture of many pixels takes hundreds of megabytes while it is read: one at a time.
    reading = asyncio.Semaphore(1)
    routes = [
        Route(path, _careful(handler), methods=[method])
        for method, path, handler in (
            ("GET", "/", _page(page)),
            ("GET", "/api/runs", lambda request: _runs(shelf)),
            ("GET", "/api/scene", lambda request: _scene(shelf, request)),
            ("GET", "/api/examples", lambda request: _examples(shelf, request)),
            ("GET", "/api/fitted", lambda request: _fitted(shelf, request)),
            ("GET", "/api/program", lambda request: _program(shelf, request)),
            ("GET", "/api/progress", lambda request: _progress(shelf, request)),
            ("POST", "/api/decode", lambda request: _decode(shelf, request)),
            ("POST", "/api/encode", lambda request: _encode(shelf, request)),
            ("POST", "/api/nearest", lambda request: _nearest(shelf, request)),
            ("POST", "/api/picture", lambda request: _picture(reading, request)),
        )
    ]
    return Guard(Starlette(routes=routes), token, page.policy, names)


def _careful(handler: Handler) -> Handler:
    """Every error is a status and one line, and the server goes on."""

    async def careful(request: Request) -> Response:
        try:
            return await handler(request)
        except HTTPException:
            raise
        except TooLarge as error:
            return PlainTextResponse(str(error), 413, {"connection": "close"})
        except Busy as error:
            return PlainTextResponse(str(error), 503, {"connection": "close"})
        except LatenteError as error:
            return PlainTextResponse(" ".join(str(error).split()), 422)
        except MemoryError:
            return PlainTextResponse("out of memory; ask for less at a time", 503)
        except Exception as error:
            return PlainTextResponse(f"unexpected {type(error).__name__}; please report it", 500)

    return careful


def _page(page: Page) -> Handler:
    async def send(request: Request) -> Response:
        return Response(page.html, media_type="text/html; charset=utf-8")

    return send


async def _runs(shelf: Shelf) -> Response:
    return Response(json.dumps(await run_in_threadpool(shelf.table)), media_type="application/json")


async def _scene(shelf: Shelf, request: Request) -> Response:
    number, split = _number(request, "run"), request.query_params.get("split", "validation")
    return _binary(await run_in_threadpool(lambda: shelf[number].scene(split)))


async def _examples(shelf: Shelf, request: Request) -> Response:
    number, split = _number(request, "run"), request.query_params.get("split", "validation")
    try:
        index = np.array([int(t) for t in request.query_params.get("index", "").split(",")], np.int64)
    except (ValueError, OverflowError):
        raise DataError("index: allowed: whole numbers with commas between them") from None
    if len(index) > MAX_ROWS:
        raise DataError(f"index: got {len(index)} examples; allowed: at most {MAX_ROWS}")
    _check_answer(len(index), (await _opened(shelf, number)).data.shape)
    found = await run_in_threadpool(lambda: shelf[number].examples(split, index))
    return _binary(_bytes(found))


async def _fitted(shelf: Shelf, request: Request) -> Response:
    number = _number(request, "run")
    return _binary(await run_in_threadpool(lambda: packing.pack({}, shelf[number].fitted)))


async def _program(shelf: Shelf, request: Request) -> Response:
    number = _number(request, "run")
    return _binary(await run_in_threadpool(lambda: shelf[number].program))


async def _progress(shelf: Shelf, request: Request) -> Response:
    number = _number(request, "run")
    return _binary(await run_in_threadpool(lambda: packing.pack(*shelf.progress(number))))


async def _decode(shelf: Shelf, request: Request) -> Response:
    body = await request.body()
    explored = await _opened(shelf, _number(request, "run"))
    z = _floats(body, explored.latents)
    _check_answer(len(z), explored.data.shape)

    def decoded() -> bytes:
        images = explored.decode(z)
        return _bytes(explored.drawn(images) if request.query_params.get("as") == "drawn" else images)

    return _binary(decoded() if len(z) <= QUICK else await run_in_threadpool(decoded))


async def _encode(shelf: Shelf, request: Request) -> Response:
    body = await request.body()
    explored = await _opened(shelf, _number(request, "run"))
    shape = explored.data.shape
    x = _floats(body, int(np.prod(shape))).reshape(-1, *shape)
    mean, log_var, score = await run_in_threadpool(explored.encode, x)
    arrays: dict[str, NDArray[Any]] = {"mean": mean, "score": score}
    if log_var is not None:
        arrays["log_var"] = log_var
    return _binary(packing.pack({}, arrays))


async def _nearest(shelf: Shelf, request: Request) -> Response:
    body = await request.body()
    explored = await _opened(shelf, _number(request, "run"))
    x = _floats(body, int(np.prod(explored.data.shape)))
    if len(x) != 1:
        raise DataError(f"nearest: got {len(x)} examples; allowed: one")
    count = min(max(_number(request, "count", 8), 1), 64)
    return _binary(packing.pack(*await run_in_threadpool(explored.nearest, x[0], count)))


async def _picture(reading: asyncio.Semaphore, request: Request) -> Response:
    raw = await request.body()
    async with reading:
        pixels = await run_in_threadpool(read_picture, raw)
    return _binary(packing.pack({}, {"pixels": pixels}))


async def _opened(shelf: Shelf, number: int) -> Any:
    # Loading a run takes seconds, once; afterwards this is a look into a dict.
    return shelf[number] if number in shelf.opened else await run_in_threadpool(lambda: shelf[number])


def _check_answer(rows: int, shape: tuple[int, ...]) -> None:
    most = max(1, MAX_ANSWER // (4 * math.prod(shape)))
    if rows > most:
        raise DataError(f"examples: got {rows}; allowed: at most {most} of this size in one answer; ask for fewer")


def _number(request: Request, name: str, default: int = 0) -> int:
    text = request.query_params.get(name, str(default))
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise DataError(f"{name}: got {text[:20]!r}; allowed: a whole number")
    return int(text)


def _floats(body: bytes, width: int) -> NDArray[np.float32]:
    """Rows of ``width`` float32 numbers, little-endian."""
    if not body or len(body) % (4 * width):
        raise DataError(
            f"body: got {len(body)} bytes; allowed: rows of {width} float32 numbers, {4 * width} bytes each"
        )
    rows = np.frombuffer(body, "<f4").reshape(-1, width)
    if len(rows) > MAX_ROWS:
        raise DataError(f"body: got {len(rows)} rows; allowed: at most {MAX_ROWS}")
    if not np.isfinite(rows).all():
        raise DataError("body: got NaN or infinite values; allowed: finite numbers")
    return rows.astype(np.float32)


def _bytes(array: NDArray[Any]) -> bytes:
    return np.asarray(array, f"<{array.dtype.kind}{array.dtype.itemsize}", order="C").tobytes()


def _binary(content: bytes) -> Response:
    return Response(content, media_type="application/octet-stream")
