"""The explorer as one file: codes, weights in half precision and some examples, in a page that needs no server."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from latente.explorer import build_page, packing, page_program
from latente.explorer.run_view import RunView
from latente.explorer.security import MAX_BODY
from latente.export.layer_program import Program

HELD_BYTES = 250_000
"""What the examples in a file may take, as one PNG; all others are shown as the model reconstructs them."""

GREYS = 16


def export(runs: Sequence[tuple[str, RunView]], split: str, *, lang: str | None = None, link: bool = False) -> str:
    """The page of one run, or of two to compare.

    Args:
        runs: names and runs.
        split: whose codes it holds.
        lang: the language it opens in, None: the browser's; both are in it.
        link: whether it tells the notebook that it is in what is selected.

    Raises:
        SpecError: a model that the page cannot compute by itself.
    """
    # Refused before anything long is begun.
    programs = [page_programs(e) for _, e in runs]
    blobs = {}
    for number, ((_, view), made) in enumerate(zip(runs, programs, strict=True)):
        meta, arrays = view.parts(split)
        meta |= {part: program.table() for part, program in made.items()}
        if "encoder" in made and not page_program.tells_nats(view.model):
            meta |= {"score": "error", "scores": view.error_percentiles}
        if "tokens" in arrays:
            # The page makes the codes of them, without rounding.
            del arrays["codes"]
        else:
            arrays["codes"] = _half(arrays["codes"])
        arrays |= {k: _packed(k, a) for p in made.values() for k, a in p.arrays.items()}
        arrays |= view.fitted
        if number == 0 and view.kept is None:
            arrays |= held(view, split, meta["n"])
        blobs[f"run-{number}"] = packing.pack(meta, arrays)
    boot: dict[str, Any] = {
        "backend": "file",
        "lang": lang,
        "split": split,
        "limit": MAX_BODY,
        "compare": len(runs) > 1,
        "link": link,
        "runs": [{"name": name, "state": "finished", "epochs": None, "study": False} for name, _ in runs],
    }
    return build_page.build(boot, blobs, lang=lang).html


def page_programs(view: RunView) -> dict[str, Program]:
    """What a page computes by itself: the decoder and, for images, which are drawn or dropped on it, the encoder.

    Raises:
        SpecError: a part of the model that no layer program holds.
    """
    down = {"decoder": page_program.decoder(view.model)}
    return down | ({"encoder": page_program.encoder(view.model)} if view.data.is_image else {})


def held(view: RunView, split: str, n: int) -> dict[str, NDArray[Any]]:
    """As many examples, evenly spread, as `HELD_BYTES` hold: ``held``, their indices; ``sheet``, one PNG of all, or
    ``rows``, model values of what are no images."""
    if not view.data.is_image:
        most = max(1, min(n, HELD_BYTES // (4 * math.prod(view.data.shape))))
        index = np.unique(np.linspace(0, n - 1, most).round().astype(np.int64))
        return {"held": index.astype(np.uint32), "rows": view.examples(split, index).reshape(len(index), -1)}
    count = min(n, 4096)
    while True:
        index = np.unique(np.linspace(0, n - 1, count).round().astype(np.int64))
        raw = _grid(view.examples(split, index))
        if len(raw) <= HELD_BYTES or count <= 16:
            return {"held": index.astype(np.uint32), "sheet": np.frombuffer(raw, np.uint8)}
        count = max(16, int(0.95 * count * HELD_BYTES / len(raw)))


def _grid(images: NDArray[np.uint8]) -> bytes:
    """Images (n, height, width[, channels]) side by side; greys in `GREYS` steps."""
    n, height, width = images.shape[:3]
    columns = max(1, math.ceil(math.sqrt(n * height / width)))
    rows = math.ceil(n / columns)
    channels = images.shape[3:]
    filled = np.zeros((rows * columns, height, width, *channels), np.uint8)
    filled[:n] = images
    grid = filled.reshape(rows, columns, height, width, *channels).swapaxes(1, 2)
    grid = grid.reshape(rows * height, columns * width, *channels)
    if channels == (1,):
        grid = grid[:, :, 0]
    out = io.BytesIO()
    if grid.ndim == 2:
        step = 255 // (GREYS - 1)
        image = Image.fromarray(np.round(grid / step).astype(np.uint8), "P")
        image.putpalette([v for k in range(GREYS) for v in [k * step] * 3])
        image.save(out, "PNG", optimize=True, bits=4)
    else:
        Image.fromarray(grid).save(out, "PNG", optimize=True)
    return out.getvalue()


def _packed(name: str, array: NDArray[Any]) -> NDArray[Any]:
    """Weights in half precision; edges, levels and books, which are few, as they are."""
    return _half(array) if name.endswith((".weight", ".bias")) else array


def _half(array: NDArray[Any]) -> NDArray[np.float16]:
    # Beyond half precision's range the largest number that it has stands in.
    half: NDArray[np.float16] = np.clip(array, -65504, 65504).astype(np.float16)
    return half
