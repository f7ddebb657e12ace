"""Figures of images: each is a mosaic of pixels, drawn at a whole number of dots a pixel."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from latente.data.images import to_bytes
from latente.language.words import Words
from latente.report.figures.style import DPI, HALF, INK, WIDTH, plain, style

FRAME = 217
"""Grey of the light frame about each image, so that neither white nor black edges are lost on the page."""

SMALL = 28
"""Images of fewer pixels are enlarged by a whole number, so that their frames stay thin."""

TALLEST, TALL = 8.0, 5.0
"""Inches that a figure's images may be high, across a page or across half of one."""

Bytes = NDArray[np.uint8]

Images = NDArray[np.generic]
"""Stored bytes, or model values between those of black and white, shape (n, *shape)."""

Span = tuple[float, float]
"""The model values of black and white."""


@dataclass(frozen=True)
class ImageRows:
    """Rows of as many images each, under one title.

    Attributes:
        names: beside the rows.
        rows: shape (columns, *shape) each.
        labels: above the columns; empty for none.
        title: above it all; "" for none.
    """

    names: Sequence[str]
    rows: Sequence[Images]
    labels: Sequence[str] = ()
    title: str = ""


def image_grid(parts: Sequence[ImageRows], span: Span = (0.0, 1.0), *, tight: bool = False) -> Figure:
    """Named rows of images, one part below the other; ``tight``, with less room about them and for their labels."""
    mosaics = [mosaic(np.concatenate([to_bytes(r, *span) for r in part.rows]), len(part.rows[0])) for part in parts]
    margin, below, pad, letters = (0.04, 0.04, 4, 64) if tight else (0.06, 0.1, 3, 90)
    left = 0.15 + 0.072 * max(len(plain(name)) for part in parts for name in part.names)
    top = margin + 0.2 * any(p.labels for p in parts) + 0.22 * any(p.title for p in parts)
    with style():
        figure, axes = _place(mosaics, 1, WIDTH, left=left, top=top, bottom=below)
        for ax, part, pixels in zip(axes, parts, mosaics, strict=True):
            ax.set_yticks(_middles(len(part.rows), pixels.shape[0]), [plain(name) for name in part.names])
            ax.set_xticks([])
            if part.labels:
                limit = max(4, letters // len(part.labels))
                names = [plain(label, limit) for label in part.labels]
                ax.set_xticks(_middles(len(part.labels), pixels.shape[1]), names)
                ax.xaxis.tick_top()
            ax.tick_params(length=0, pad=pad)
            if part.title:
                ax.set_title(plain(part.title, 90), pad=4 if part.labels else 5, loc="left")
    return figure


def reconstructions(
    originals: Images, rebuilt: Mapping[str, Images], words: Words, labels: Sequence[str] = (), span: Span = (0.0, 1.0)
) -> Figure:
    """A row of originals, and below it a row of reconstructions for each model.

    Args:
        originals: shape (n, *shape).
        rebuilt: by the model's name, shape (n, *shape) each.
        words: the language.
        labels: of the images, where they have any.
        span: the values of black and white.
    """
    names = [words("figure.row.original"), *(plain(name, 16) for name in rebuilt)]
    return image_grid([ImageRows(names, [originals, *rebuilt.values()], labels)], span, tight=True)


def worst(
    originals: Images,
    rebuilt: Images,
    errors: Sequence[float],
    words: Words,
    labels: Sequence[str] = (),
    span: Span = (0.0, 1.0),
) -> Figure:
    """Originals above their reconstructions and the sizes of the differences, each with its error above it.

    Args:
        originals, rebuilt: model values, shape (n, *shape).
        errors: mean squared error a value of each image.
        words: the language.
        labels: of the images, where they have any.
        span: the values of black and white.
    """
    names = [words(key) for key in ("figure.row.original", "figure.worst.rebuilt", "figure.worst.difference")]
    difference = np.abs(np.asarray(originals, np.float64) - np.asarray(rebuilt, np.float64))
    above = [words.number(e, ".3f") for e in errors]
    if labels:
        above = [f"{plain(label, 6)}: {error}" for label, error in zip(labels, above, strict=True)]
    rows = [originals, rebuilt, to_bytes(difference, 0.0, span[1] - span[0])]
    return image_grid([ImageRows(names, rows, above)], span)


def neighbours(
    groups: Mapping[str, tuple[Images, Images, NDArray[np.floating]]], words: Words, span: Span = (0.0, 1.0)
) -> Figure:
    """Samples, each above the training examples nearest to it.

    Args:
        groups: by title: samples (n, *shape); their neighbours (n, k, *shape), nearest first; and for each sample its
            distance to the nearest over that to the next, which stands above it.
        words: the language.
        span: the values of black and white.
    """
    parts = []
    for title, (drawn, near, ratios) in groups.items():
        ranks = range(near.shape[1])
        names = [words("figure.neighbours.sample"), *(words("figure.neighbours.row", number=k + 1) for k in ranks)]
        labels = [words.number(float(r), ".2f") for r in ratios]
        parts.append(ImageRows(names, [drawn, *(near[:, k] for k in ranks)], labels, title))
    return image_grid(parts, span)


def samples(grids: Mapping[str, Images], span: Span = (0.0, 1.0), columns: int = 4) -> Figure:
    """Mosaics of ``columns`` images a row, side by side, each with its name above ("" for none)."""
    mosaics = [mosaic(to_bytes(images, *span), columns) for images in grids.values()]
    across = min(len(mosaics), 4)
    with style():
        size, top = HALF if across == 1 else WIDTH, 0.26 if any(grids) else 0.05
        figure, axes = _place(mosaics, across, size, left=0.05, top=top, bottom=0.05)
        for ax, name in zip(axes, grids, strict=True):
            ax.set(xticks=[], yticks=[])
            ax.set_title(plain(name, 28), pad=4, loc="center")
    return figure


def manifold(grid: Images, at: NDArray[np.floating], words: Words, span: Span = (0.0, 1.0)) -> Figure:
    """Decoded images, shape (side, side, *shape), at the values ``at`` of two latents, as `latent.manifold` gives."""
    side = len(at)
    images = to_bytes(np.asarray(grid).reshape(side * side, *grid.shape[2:]), *span)
    height, width, *colours = images.shape[1:]
    tiles = images.reshape(side, side, height, width, *colours).swapaxes(1, 2)
    pixels = tiles.reshape(side * height, side * width, *colours)
    # An even side has no middle, so four marks keep the axis symmetrical.
    shown = np.unique(np.round(np.linspace(0, side - 1, min(side, 4 + side % 2))).astype(int))
    names = [words.number(float(at[i]), ".2f") for i in shown]
    with style():
        figure, (ax,) = _place([pixels], 1, HALF, left=0.62, right=0.2, top=0.06, bottom=0.46)
        ax.set_xticks([(i + 0.5) * width - 0.5 for i in shown], names)
        ax.set_yticks([(side - 1 - i + 0.5) * height - 0.5 for i in shown], names)
        ax.set_xlabel(words("figure.axis.latent", number=1))
        ax.set_ylabel(words("figure.axis.latent", number=2))
    return figure


def mosaic(images: Bytes, columns: int) -> Bytes:
    """Images of shape (n, height, width[, 3]), row by row, in one array with a frame about each."""
    larger = max(1, SMALL // max(images.shape[1:3]))
    images = images.repeat(larger, axis=1).repeat(larger, axis=2)
    n, height, width = images.shape[:3]
    rows, gap = math.ceil(n / columns), max(1, round(max(height, width) / 32))
    pixels = np.full((rows * (height + gap) + gap, columns * (width + gap) + gap, *images.shape[3:]), FRAME, np.uint8)
    for i, image in enumerate(images):
        top, left = gap + (i // columns) * (height + gap), gap + (i % columns) * (width + gap)
        pixels[top : top + height, left : left + width] = image
    return pixels


def _middles(count: int, length: int) -> list[float]:
    """Where ``count`` rows or columns of a mosaic have their middles."""
    return [(i + 0.5) / count * length - 0.5 for i in range(count)]


def _place(
    mosaics: Sequence[Bytes],
    across: int,
    size: float,
    *,
    left: float,
    top: float,
    bottom: float,
    right: float = 0.05,
) -> tuple[Figure, list[Any]]:
    """A figure some ``size`` inches wide of equal mosaics; a pixel is a whole number of dots wherever one fits."""
    between = 0.22
    rows = math.ceil(len(mosaics) / across)
    height, width = mosaics[0].shape[:2]
    room = (size - left - right - (across - 1) * between) / across * DPI
    room = min(room, (TALLEST if size == WIDTH else TALL) * DPI * width / (height * rows))
    scale = math.floor(room / width) or room / width
    w, h = width * scale / DPI, height * scale / DPI
    total_w = left + across * w + (across - 1) * between + right
    total_h = rows * (top + h + bottom)
    figure = Figure(figsize=(total_w, total_h))
    axes = []
    for i, pixels in enumerate(mosaics):
        row, column = divmod(i, across)
        x, y = left + column * (w + between), total_h - row * (top + h + bottom) - top - h
        ax = figure.add_axes((x / total_w, y / total_h, w / total_w, h / total_h))
        grey: dict[str, Any] = {"cmap": "gray", "vmin": 0, "vmax": 255} if pixels.ndim == 2 else {}
        shrunk = "nearest" if scale >= 1 else "antialiased"
        ax.imshow(pixels, interpolation=shrunk, aspect="auto", **grey)
        ax.grid(False)
        ax.tick_params(color=INK, length=2.5)
        for spine in ax.spines.values():
            spine.set_visible(False)
        axes.append(ax)
    return figure, axes
