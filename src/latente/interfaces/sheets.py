"""Figures of images that scores keep: samples beside their neighbours, the worst reconstructions, traversals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from latente.interfaces.drawing import WIDTH, plain, style
from latente.interfaces.grids import Images, mosaic, page, to_bytes
from latente.interfaces.words import Words

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
