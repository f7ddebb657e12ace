"""The pictures at the top of a report: a map of codes over what their places decode to, and rows without any text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from latente.data.images import to_bytes
from latente.language.words import Words
from latente.report.figures.codes import codes
from latente.report.figures.images import Images, Span

Ends = tuple[float, float, float, float]
"""Left, right, lower and upper end of a map."""

PALE = 0.4
"""How much of an image's contrast is left below the points."""

ACROSS = 400
"""Pixels that the images below the points have together on each side, about."""


def side_of(shape: Sequence[int]) -> int:
    """How many images of a shape stand below the points on each side."""
    return int(np.clip(round(ACROSS / max(shape[:2])), 5, 15))


def places(z: NDArray[np.floating], side: int) -> tuple[NDArray[np.float32], Ends]:
    """Where to decode: ``side`` × ``side`` middles of a square that holds all but the outermost hundredth of the codes.

    Args:
        z: codes of two latents, shape (n, 2).
        side: how many on each side.

    Returns:
        The places from the upper left, row by row, shape (side², 2); and the square's left, right, lower and upper end.
    """
    low, high = np.percentile(np.asarray(z, np.float64), [0.5, 99.5], axis=0)
    middle, half = (low + high) / 2, max(float((high - low).max()) / 2, 1e-6) * 1.02
    steps = (np.arange(side) + 0.5) / side * 2 * half - half
    across, down = np.meshgrid(middle[0] + steps, middle[1] + steps[::-1])
    left, low_end = (float(m - half) for m in middle)
    ends = (left, left + 2 * half, low_end, low_end + 2 * half)
    return np.stack([across.ravel(), down.ravel()], axis=1).astype(np.float32), ends


def latent_map(
    z: NDArray[np.floating],
    labels: NDArray[np.integer] | None,
    classes: Sequence[str],
    decoded: Images,
    ends: Ends,
    words: Words,
    span: Span = (0.0, 1.0),
) -> Figure:
    """Codes of two latents over the pale images that their places decode to.

    Args:
        z, labels, classes: as `latente.report.figures.codes.codes`.
        decoded: images at `places`, shape (side², *shape); ends: as it gave them.
        words: the language.
        span: the values of black and white.
    """
    images = to_bytes(decoded, *span)
    side = round(len(images) ** 0.5)
    tiles = images.reshape(side, side, *images.shape[1:]).swapaxes(1, 2)
    pixels = tiles.reshape(side * images.shape[1], side * images.shape[2], *images.shape[3:]).astype(np.float64)
    # The ground becomes white: of images that are mostly dark, what is light is drawn dark.
    depth = pixels if pixels.mean() < 127.5 and pixels.ndim == 2 else 255 - pixels
    pale = np.round(255 - PALE * depth).astype(np.uint8)
    under = np.repeat(pale[:, :, None], 3, axis=2) if pale.ndim == 2 else pale
    return codes(z, labels, classes, words, under=(under, ends))
