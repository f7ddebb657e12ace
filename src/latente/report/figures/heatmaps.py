"""Figures whose shades are numbers: confusions, information of latents, errors by pixel."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from latente.language.words import Words
from latente.report.figures.style import HALF, INK, LINE, WIDTH, localise, panels, plain

Floats = NDArray[np.floating]

SHADES = "Blues"
"""From white to dark blue: in grey print too, more is darker."""

WRITTEN = 12
"""Up to so many rows and columns, a map's cells have their numbers in them."""


def confusion(counts: NDArray[np.integer], classes: Sequence[str], words: Words) -> Figure:
    """How often each class (row) was called each class (column), in per cent of the row.

    Args:
        counts: shape (classes, classes).
        classes: their names.
        words: the language.
    """
    shares = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return _shares(shares, classes, classes, words, "called", "true", "share_of_class")


def information(shares: Floats, factors: Sequence[str], words: Words) -> Figure:
    """What each latent (row) tells of each factor (column): mutual information in per cent of the factor's entropy.

    Args:
        shares: shape (latents, factors), 0..1.
        factors: their names.
        words: the language.
    """
    rows = [str(i + 1) for i in range(len(shares))]
    return _shares(100 * np.asarray(shares), rows, factors, words, "factor", "latents", "share_of_factor")


def pixel_errors(errors: Mapping[str, Floats], words: Words) -> Figure:
    """Root of the mean squared error of each pixel, a map for each model, all on one scale.

    Args:
        errors: mean squared error of each value by model, shape (height, width) or (height, width, colours), over
            which the mean is taken.
        words: the language.
    """
    maps = {n: np.sqrt(np.asarray(e, np.float64).reshape(*e.shape[:2], -1).mean(axis=2)) for n, e in errors.items()}
    top = max(float(m.max()) for m in maps.values()) or 1.0
    across = min(len(maps), 4)
    down = math.ceil(len(maps) / across)
    height, width = next(iter(maps.values())).shape
    size = HALF if len(maps) < 3 else WIDTH
    each = (size - 0.8) / across
    high = min(8.0, down * (min(each, 2.4) * height / width + 0.3) + 0.1)
    with panels(size, high, down, across) as (figure, axes):
        drawn: Any = None
        for ax in axes[len(maps) :]:
            ax.set_axis_off()
        for ax, (name, values) in zip(axes, maps.items(), strict=False):
            ax.set(xticks=[], yticks=[])
            ax.grid(False)
            for spine in ax.spines.values():
                spine.set(visible=True, color=LINE)
            drawn = ax.imshow(values, cmap=SHADES, vmin=0, vmax=top, interpolation="nearest")
            ax.set_title(plain(name, 20), loc="center")
        _bar(figure, drawn, list(axes), words("figure.axis.pixel_error"), words)
    return figure


def _shares(
    values: Floats, rows: Sequence[str], columns: Sequence[str], words: Words, across: str, down: str, bar: str
) -> Figure:
    """A map of per cents, its first row on top; ``across``, ``down`` and ``bar`` are keys of the axes' names."""
    rows, columns = ([plain(name, 12) for name in names] for names in (rows, columns))
    with panels(HALF, min(max(0.25 * len(rows) + 0.9, 1.9), 6.0)) as (figure, (ax,)):
        drawn = ax.pcolormesh(values, cmap=SHADES, vmin=0, vmax=100, edgecolors="white", linewidth=0.5)
        ax.invert_yaxis()
        ax.grid(False)
        step = [1 + (len(names) - 1) // 30 for names in (columns, rows)]
        ax.set_xticks(np.arange(0, len(columns), step[0]) + 0.5, columns[:: step[0]])
        ax.set_yticks(np.arange(0, len(rows), step[1]) + 0.5, rows[:: step[1]])
        if max(map(len, columns)) * len(columns) > 44:
            ax.tick_params(axis="x", labelrotation=90)
        ax.tick_params(length=0)
        ax.set_xlabel(words(f"figure.axis.{across}"))
        ax.set_ylabel(words(f"figure.axis.{down}"))
        for spine in ax.spines.values():
            spine.set_visible(False)
        if max(values.shape) <= WRITTEN:
            for (i, j), value in np.ndenumerate(values):
                # Nothing is written where there is next to nothing, so that the eye finds what there is.
                if value >= 0.5:
                    ax.text(j + 0.5, i + 0.5, words.number(float(value), ".0f"), ha="center", va="center",
                            fontsize=8, color="white" if value > 55 else INK)  # fmt: skip
        _bar(figure, drawn, ax, words(f"figure.axis.{bar}"), words)
    return figure


def _bar(figure: Figure, drawn: Any, axes: Any, label: str, words: Words) -> None:
    bar = figure.colorbar(drawn, ax=axes, pad=0.02, aspect=22)
    localise(bar.ax, words)
    bar.ax.xaxis.set_ticks([])
    bar.ax.grid(False)
    bar.outline.set_visible(False)
    bar.set_label(label)
