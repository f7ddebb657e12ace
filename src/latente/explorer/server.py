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
from latente.explorer.catalogue import RunCatalogue
from latente.explorer.run_view import RunView
from latente.explorer.security import Busy, SecurityMiddleware, TooLarge
from latente.explorer.uploads import read_image

MAX_ROWS = 8192

MAX_ANSWER = 64 * 2**20
"""Bytes of examples in one answer."""

QUICK = 64
"""Codes that are decoded at once, without a thread: it takes less than handing them to one."""

Handler = Callable[[Request], Awaitable[Response]]


def application(
    catalogue: RunCatalogue, page: Page, token: str | None = None, names: Sequence[str] = ()
) -> SecurityMiddleware:
    """The ASGI application that serves the page and answers it."""
    app = Starlette(routes=[Route(path, _careful(handler), methods=[method]) for method, path, handler in ROUTES])
    app.state.catalogue, app.state.page = catalogue, page
    # An image of many pixels takes hundreds of megabytes while it is read: one at a time.
    app.state.reading = asyncio.Semaphore(1)
    return SecurityMiddleware(app, token, page.policy, names)


def _careful(handler: Handler) -> Handler:
    """Every error is a status and one line, and the server goes on."""

    async def careful(request: Request) -> Response:
        try:
            return await handler(request)
        except HTTPException:
            raise
        except (TooLarge, Busy) as error:
            status = 413 if isinstance(error, TooLarge) else 503
            return PlainTextResponse(str(error), status, {"connection": "close"})
        except LatenteError as error:
            return PlainTextResponse(" ".join(str(error).split()), 422)
        except MemoryError:
            return PlainTextResponse("out of memory; ask for less at a time", 503)
        except Exception as error:
            return PlainTextResponse(f"unexpected {type(error).__name__}; please report it", 500)

    return careful


async def _page(request: Request) -> Response:
    return Response(request.app.state.page.html, media_type="text/html; charset=utf-8")


async def _runs(request: Request) -> Response:
    table = await run_in_threadpool(_catalogue(request).table)
    return Response(json.dumps(table), media_type="application/json")


def _in_thread(answer: Callable[[Request], bytes]) -> Handler:
    """What answers with bytes that are worked out in a thread."""

    async def handler(request: Request) -> Response:
        return _binary(await run_in_threadpool(answer, request))

    return handler


def _progress(request: Request) -> bytes:
    return packing.pack(*_catalogue(request).progress(_number(request, "run")))


async def _examples(request: Request) -> Response:
    split = _split(request)
    try:
        index = np.array([int(t) for t in request.query_params.get("index", "").split(",")], np.int64)
    except (ValueError, OverflowError):
        raise DataError("index: allowed: whole numbers with commas between them") from None
    if len(index) > MAX_ROWS:
        raise DataError(f"index: got {len(index)} examples; allowed: at most {MAX_ROWS}")
    view = await _opened(request)
    _check_answer(len(index), view.data.shape)
    return _binary(_bytes(await run_in_threadpool(view.examples, split, index)))


async def _decode(request: Request) -> Response:
    body = await request.body()
    view = await _opened(request)
    z = _floats(body, view.width)
    _check_answer(len(z), view.data.shape)

    def decoded() -> bytes:
        images = view.decode(z)
        return _bytes(view.drawn(images) if request.query_params.get("as") == "drawn" else images)

    return _binary(decoded() if len(z) <= QUICK else await run_in_threadpool(decoded))


async def _encode(request: Request) -> Response:
    body = await request.body()
    view = await _opened(request)
    shape, size = view.data.shape, math.prod(view.data.shape)
    rows = _floats(body, size + view.model.context_size)
    context = rows[:, size:] if view.model.context_size else None
    mean, log_var, score = await run_in_threadpool(view.encode, rows[:, :size].reshape(-1, *shape), context)
    spread = {} if log_var is None else {"log_var": log_var}
    return _binary(packing.pack({}, {"mean": mean, "score": score, **spread}))


async def _nearest(request: Request) -> Response:
    body = await request.body()
    view = await _opened(request)
    x = _floats(body, int(np.prod(view.data.shape)))
    if len(x) != 1:
        raise DataError(f"nearest: got {len(x)} examples; allowed: one")
    count = min(max(_number(request, "count", 8), 1), 64)
    return _binary(packing.pack(*await run_in_threadpool(view.nearest, x[0], count)))


async def _image(request: Request) -> Response:
    raw = await request.body()
    async with request.app.state.reading:
        pixels = await run_in_threadpool(read_image, raw)
    return _binary(packing.pack({}, {"pixels": pixels}))


ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/", _page),
    ("GET", "/api/runs", _runs),
    ("GET", "/api/scene", _in_thread(lambda request: _run(request).scene(_split(request)))),
    ("GET", "/api/examples", _examples),
    ("GET", "/api/fitted", _in_thread(lambda request: packing.pack({}, _run(request).fitted))),
    ("GET", "/api/program", _in_thread(lambda request: _run(request).program)),
    ("GET", "/api/progress", _in_thread(_progress)),
    ("POST", "/api/decode", _decode),
    ("POST", "/api/encode", _encode),
    ("POST", "/api/nearest", _nearest),
    ("POST", "/api/picture", _image),
)


def _catalogue(request: Request) -> RunCatalogue:
    catalogue: RunCatalogue = request.app.state.catalogue
    return catalogue


def _run(request: Request) -> RunView:
    """The run that is asked about, loaded if it is not yet."""
    return _catalogue(request)[_number(request, "run")]


async def _opened(request: Request) -> RunView:
    # Loading a run takes seconds, once; afterwards this is a look into a dict.
    loaded = _number(request, "run") in _catalogue(request).opened
    return _run(request) if loaded else await run_in_threadpool(_run, request)


def _split(request: Request) -> str:
    return request.query_params.get("split", "validation")


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
