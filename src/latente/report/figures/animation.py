"""A training as an animated WebP: reconstructions after each epoch, below their originals."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from latente.data.images import to_bytes
from latente.language.words import Words
from latente.report.figures.images import FRAME, mosaic
from latente.training.fit import stride_of

WIDE, HIGH = 800, 480

LONGEST = 10_000
"""Milliseconds that an animation may take, the pause at its end included."""

PAUSE = 1_500

MOST_FRAMES = 100

MOST_BYTES = 300_000

LEVELS = 32

STILL = 12
"""A grey pixel keeps its shown value, one of `LEVELS`, until it has moved by more than so many of 255: what does not
change takes no room, and the flicker of minibatch noise is not shown as if it were learning."""


def frame_epochs(frames: int, planned: int, trained: int, values: int = 1) -> list[int]:
    """The epoch of each frame of examples of so many values: every ⌈planned/200⌉-th from 1 (fewer of large examples),
    and the last epoch where training went all the way."""
    stride = stride_of(planned, values)
    return [min(1 + i * stride, trained) for i in range(frames)]


def animate(
    frames: NDArray[np.uint8],
    originals: NDArray[np.generic],
    words: Words,
    span: tuple[float, float] = (0.0, 1.0),
    *,
    name: str,
    planned: int,
    trained: int,
) -> tuple[bytes, bytes]:
    """An animated WebP that loops, and its last frame alone.

    Args:
        frames: reconstructions, shape (frames, n, *shape).
        originals: what they reconstruct, shape (n, *shape).
        words: the language.
        span: the values of black and white, for which the frames have 0 and 255.
        name: what the row of reconstructions is called.
        planned: epochs the run was to have.
        trained: epochs it had.
    """
    epochs = frame_epochs(len(frames), planned, trained, math.prod(frames.shape[2:]))
    before = to_bytes(originals, *span)
    keep = MOST_FRAMES
    while True:
        kept = np.unique(np.round(np.linspace(0, len(frames) - 1, keep)).astype(int))
        after = to_bytes(frames[kept].reshape(-1, *frames.shape[2:])).reshape(len(kept), *before.shape)
        grey = before.ndim == 3
        pages = [
            _frame(before, frame, words, name, f"{words('epoch')} {epochs[i]}/{trained}")
            for i, frame in zip(kept, _calm(after) if grey else after, strict=True)
        ]
        moving = _encode(pages, lossless=grey)
        if len(moving) <= MOST_BYTES or keep <= 8:
            return moving, _encode(pages[-1:], lossless=grey)
        keep //= 2


def size(content: bytes) -> tuple[int, int]:
    """Width and height of an animation."""
    with Image.open(io.BytesIO(content)) as image:
        return image.size


def _calm(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    step = 255 / (LEVELS - 1)
    coarse = np.round(np.round(frames / step) * step).astype(np.uint8)
    shown = [coarse[0]]
    for frame, new in zip(frames[1:], coarse[1:], strict=True):
        moved = np.abs(frame.astype(np.int16) - shown[-1]) > STILL
        shown.append(np.where(moved, new, shown[-1]))
    return np.stack(shown)


def _encode(pages: list[Image.Image], *, lossless: bool) -> bytes:
    each = int(min(500, (LONGEST - PAUSE) / len(pages)))
    how: dict[str, Any] = {"lossless": True, "quality": 60} if lossless else {"quality": 30}
    out = io.BytesIO()
    if len(pages) == 1:
        pages[0].save(out, "WEBP", method=2, **how)
    else:
        times = [each] * (len(pages) - 1) + [each + PAUSE]
        pages[0].save(out, "WEBP", save_all=True, append_images=pages[1:], duration=times, loop=0, method=2, **how)
    return out.getvalue()


def _frame(
    originals: NDArray[np.uint8], rebuilt: NDArray[np.uint8], words: Words, name: str, title: str
) -> Image.Image:
    font = _font(17)
    names = (words("figure.row.original"), name if len(name) <= 16 else name[:15] + "…")
    left = 16 + max(math.ceil(font.getlength(n)) for n in names)
    pixels = mosaic(np.concatenate([originals, rebuilt]), len(originals))
    scale = min((WIDE - left) / pixels.shape[1], HIGH / pixels.shape[0])
    scale = math.floor(scale) if scale >= 1 else scale
    size = (round(pixels.shape[1] * scale), round(pixels.shape[0] * scale))
    image = Image.fromarray(pixels).convert("RGB")
    image = image.resize(size, Image.Resampling.NEAREST if scale >= 1 else Image.Resampling.BOX)
    top = 32
    page = Image.new("RGB", (left + size[0] + 4, top + size[1] + 4), "white")
    page.paste(image, (left, top))
    pen = ImageDraw.Draw(page)
    pen.text((left, top / 2), title, font=font, fill="#222222", anchor="lm")
    for row, text in enumerate(names):
        pen.text((left - 10, top + size[1] * (2 * row + 1) / 4), text, font=font, fill="#222222", anchor="rm")
    pen.rectangle((left, top, left + size[0] - 1, top + size[1] - 1), outline=(FRAME,) * 3)
    return page


def _font(size: int) -> ImageFont.FreeTypeFont:
    # Matplotlib brings this font along, so that animations look the same everywhere.
    import matplotlib

    return ImageFont.truetype(str(Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")), size)
