"""Figures of images: each is one mosaic array, drawn at a whole number of dots a pixel."""

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

TALLEST, TALL = 8.0, 5.0
"""Inches that a figure's images may be high, across a page or across half of one."""

Bytes = NDArray[np.uint8]

Images = NDArray[np.generic]


def mosaic(images: Bytes, columns: int) -> Bytes:
    """Images of shape (n, height, width[, 3]), row by row, in one array with a frame about each.

    Images of few pixels are enlarged by a whole number first, so that their frames stay thin.
    """
    larger = max(1, SMALL // max(images.shape[1:3]))
    images = images.repeat(larger, axis=1).repeat(larger, axis=2)
    n, height, width = images.shape[:3]
    rows, gap = math.ceil(n / columns), max(1, round(max(height, width) / 32))
    sheet = np.full((rows * (height + gap) + gap, columns * (width + gap) + gap, *images.shape[3:]), FRAME, np.uint8)
    for i, image in enumerate(images):
        top, left = gap + (i // columns) * (height + gap), gap + (i % columns) * (width + gap)
        sheet[top : top + height, left : left + width] = image
    return sheet


def reconstructions(
    originals: Images,
    rebuilt: Mapping[str, Images],
    words: Words,
    labels: Sequence[str] = (),
    span: tuple[float, float] = (0.0, 1.0),
) -> Figure:
    """A row of originals and a named row of reconstructions a model, shape (n, *shape) each.

    Args:
        originals: stored bytes, or model values within ``span``.
        rebuilt: model values by row name.
        words: the language.
        labels: what stands above each column, where the images have labels.
        span: the values of black and white.
    """
    rows = [to_bytes(originals, *span), *(to_bytes(r, *span) for r in rebuilt.values())]
    columns = len(rows[0])
    sheet = mosaic(np.concatenate(rows), columns)
    names = [words("figure.row.original"), *(plain(name, 16) for name in rebuilt)]
    with style():
        left = 0.15 + 0.072 * max(map(len, names))
        figure, axes = page([sheet], 1, WIDTH, left=left, top=0.24 if labels else 0.04, bottom=0.04)
        ax = axes[0]
        ax.set_yticks([(r + 0.5) / len(rows) * sheet.shape[0] - 0.5 for r in range(len(rows))], names)
        if labels:
            ax.set_xticks([(c + 0.5) / columns * sheet.shape[1] - 0.5 for c in range(columns)])
            ax.set_xticklabels([plain(label, max(4, 64 // columns)) for label in labels])
            ax.xaxis.tick_top()
        ax.tick_params(length=0, pad=4)
    return figure


def samples(
    grids: Mapping[str, Images], words: Words, span: tuple[float, float] = (0.0, 1.0), columns: int = 4
) -> Figure:
    """Grids of ``columns`` images a row, side by side, each with its name above ("" for none)."""
    sheets = [mosaic(to_bytes(images, *span), columns) for images in grids.values()]
    across = min(len(sheets), 4)
    named = any(grids)
    with style():
        size = HALF if across == 1 else WIDTH
        figure, axes = page(sheets, across, size, left=0.05, top=0.26 if named else 0.05, bottom=0.05)
        for ax, name in zip(axes, grids, strict=True):
            ax.set_xticks([])
            ax.set_yticks([])
            ax.set_title(plain(name, 28), pad=4, loc="center")
    return figure


def manifold(grid: Images, at: NDArray[np.floating], words: Words, span: tuple[float, float] = (0.0, 1.0)) -> Figure:
    """Decoded images, shape (side, side, *shape), at the values ``at`` of two latents, as `latent.manifold` gives."""
    side = len(at)
    images = to_bytes(np.asarray(grid).reshape(side * side, *grid.shape[2:]), *span)
    height, width = images.shape[1:3]
    sheet = np.full((side * height, side * width, *images.shape[3:]), 255, np.uint8)
    for i, image in enumerate(images):
        top, left = (i // side) * height, (i % side) * width
        sheet[top : top + height, left : left + width] = image
    # An even side has no middle, so four marks keep the axis symmetrical.
    shown = np.unique(np.round(np.linspace(0, side - 1, min(side, 4 + side % 2))).astype(int))
    names = [words.number(float(at[i]), ".2f") for i in shown]
    with style():
        figure, axes = page([sheet], 1, HALF, left=0.62, right=0.2, top=0.06, bottom=0.46)
        ax = axes[0]
        ax.set_xticks([(i + 0.5) * width - 0.5 for i in shown], names)
        ax.set_yticks([(side - 1 - i + 0.5) * height - 0.5 for i in shown], names)
        ax.set_xlabel(words("figure.axis.latent", number=1))
        ax.set_ylabel(words("figure.axis.latent", number=2))
    return figure


def page(
    sheets: Sequence[Bytes],
    across: int,
    size: float,
    *,
    left: float,
    top: float,
    bottom: float,
    right: float = 0.05,
) -> tuple[Figure, list[Any]]:
    """A figure some ``size`` inches wide of equal sheets; each sheet's pixel is a whole number of dots, if one fits."""
    between = 0.22
    rows = math.ceil(len(sheets) / across)
    height, width = sheets[0].shape[:2]
    room = (size - left - right - (across - 1) * between) / across * DPI
    room = min(room, (TALLEST if size == WIDTH else TALL) * DPI * width / (height * rows))
    scale = math.floor(room / width) or room / width
    w, h = width * scale / DPI, height * scale / DPI
    total_w = left + across * w + (across - 1) * between + right
    total_h = rows * (top + h + bottom)
    figure = Figure(figsize=(total_w, total_h))
    axes = []
    for i, sheet in enumerate(sheets):
        row, column = divmod(i, across)
        x, y = left + column * (w + between), total_h - row * (top + h + bottom) - top - h
        ax = figure.add_axes((x / total_w, y / total_h, w / total_w, h / total_h))
        grey: dict[str, Any] = {"cmap": "gray", "vmin": 0, "vmax": 255} if sheet.ndim == 2 else {}
        shrunk = "nearest" if scale >= 1 else "antialiased"
        ax.imshow(sheet, interpolation=shrunk, aspect="auto", **grey)
        ax.grid(False)
        ax.tick_params(color=INK, length=2.5)
        for spine in ax.spines.values():
            spine.set_visible(False)
        axes.append(ax)
    return figure, axes


Span = tuple[float, float]


@dataclass(frozen=True)
class Panel:
    """Named rows of images under one title.

    Attributes:
        title: above it; "" for none.
        rows: model values or stored bytes by the row's name, shape (columns, *shape) each.
        labels: above each column; empty for none.
    """

    title: str
    rows: Mapping[str, Images]
    labels: Sequence[str] = ()


def sheet(panels: Sequence[Panel], words: Words, span: Span = (0.0, 1.0)) -> Figure:
    """Panels of as many rows and columns each, one below the other."""
    sheets, names = [], [name for panel in panels for name in panel.rows]
    for panel in panels:
        rows = [to_bytes(images, *span) for images in panel.rows.values()]
        sheets.append(mosaic(np.concatenate(rows), len(rows[0])))
    labelled, titled = any(p.labels for p in panels), any(p.title for p in panels)
    with style():
        left = 0.15 + 0.072 * max(len(plain(name)) for name in names)
        top = 0.06 + 0.2 * labelled + 0.22 * titled
        figure, axes = page(sheets, 1, WIDTH, left=left, top=top, bottom=0.1)
        for ax, panel, image in zip(axes, panels, sheets, strict=True):
            count, columns = len(panel.rows), len(next(iter(panel.rows.values())))
            ax.set_yticks(
                [(r + 0.5) / count * image.shape[0] - 0.5 for r in range(count)], [plain(name) for name in panel.rows]
            )
            ax.set_xticks([])
            if panel.labels:
                ax.set_xticks([(c + 0.5) / columns * image.shape[1] - 0.5 for c in range(columns)])
                ax.set_xticklabels([plain(label, max(5, 90 // columns)) for label in panel.labels])
                ax.xaxis.tick_top()
            ax.tick_params(length=0, pad=3)
            if panel.title:
                ax.set_title(plain(panel.title, 90), pad=5 if not panel.labels else 4, loc="left")
    return figure


def neighbours(
    groups: Mapping[str, tuple[Images, Images, NDArray[np.floating]]], words: Words, span: Span = (0.0, 1.0)
) -> Figure:
    """Samples, each above its nearest training examples.

    Args:
        groups: by title: samples (n, *shape); their neighbours (n, k, *shape), nearest first; and for each sample its
            distance to the nearest over that to the next, which stands above it.
        words: the language.
        span: the values of black and white.
    """
    panels = []
    for title, (samples, near, ratios) in groups.items():
        rows = {words("figure.neighbours.sample"): to_bytes(samples, *span)}
        for k in range(near.shape[1]):
            rows[words("figure.neighbours.row", number=k + 1)] = to_bytes(near[:, k], *span)
        panels.append(Panel(title, rows, [words.number(float(r), ".2f") for r in ratios]))
    return sheet(panels, words)


def worst(
    originals: Images,
    rebuilt: Images,
    errors: Sequence[float],
    words: Words,
    labels: Sequence[str] = (),
    span: Span = (0.0, 1.0),
) -> Figure:
    """Originals above what a model made of them, and the sizes of their differences; each with its error above.

    Args:
        originals, rebuilt: model values, shape (n, *shape).
        errors: of each, mean squared error a value.
        words: the language.
        labels: of each, where there are any.
        span: the values of black and white.
    """
    a, b = (np.asarray(x, np.float64) for x in (originals, rebuilt))
    rows = {
        words("figure.row.original"): to_bytes(a, *span),
        words("figure.worst.rebuilt"): to_bytes(b, *span),
        words("figure.worst.difference"): to_bytes(np.abs(a - b), 0.0, span[1] - span[0]),
    }
    told = [words.number(e, ".3f") for e in errors]
    if labels:
        told = [f"{plain(label, 6)}: {error}" for label, error in zip(labels, told, strict=True)]
    return sheet([Panel("", rows, told)], words)


def traversal(images: Images, names: Sequence[str], at: Sequence[str], words: Words, span: Span = (0.0, 1.0)) -> Figure:
    """A row a latent, decoded at each of its steps while the others stay.

    Args:
        images: model values, shape (latents, steps, *shape).
        names: of the rows.
        at: what stands above the columns.
        words: the language.
        span: the values of black and white.
    """
    return sheet([Panel("", dict(zip(names, images, strict=True)), at)], words, span)
