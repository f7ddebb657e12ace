"""Why examples are unusual: a bar for each column of a row, a heat map for each image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from latente.language.words import Words
from latente.report.figures.style import BLUE, INK, LINE, MUTED, ORANGE, WIDTH, Ticks, localise, plain, style

Floats = NDArray[np.floating]

BARS = 8
"""Columns shown of a row: those with the largest excess, of either sign."""

ACROSS = 6
"""Images in a line."""

SHADES = "PuOr_r"
"""From purple, tamer than usual, over white to orange, more unusual: they stay apart with any colour vision."""


def excess_bars(excess: Floats, columns: Sequence[str], titles: Sequence[str], words: Words) -> Figure:
    """A panel for each row of a table, a bar for each of the columns that say most of it, the largest on top.

    Args:
        excess: nats above what is usual, shape (rows, columns).
        columns: their names.
        titles: of each row.
        words: the language.
    """
    rows, across = len(excess), min(2, len(excess))
    down, bars = math.ceil(rows / across), min(BARS, excess.shape[1])
    with style():
        figure = Figure(figsize=(WIDTH, down * (0.19 * bars + 0.75)), layout="constrained")
        panels = figure.subplots(down, across, squeeze=False, sharex=True).ravel()
        for ax in panels[rows:]:
            ax.set_axis_off()
        for ax, values, title in zip(panels, excess, titles, strict=False):
            shown = np.argsort(-np.abs(values), kind="stable")[:bars]
            shown = shown[np.argsort(-values[shown], kind="stable")]
            colours = [ORANGE if v > 0 else BLUE for v in values[shown]]
            ax.barh(np.arange(bars), values[shown], color=colours, height=0.7)
            ax.set_yticks(np.arange(bars), [plain(columns[i], 20) for i in shown])
            ax.invert_yaxis()
            ax.axvline(0, color=MUTED, linewidth=0.7)
            ax.grid(False, axis="y")
            ax.tick_params(axis="y", length=0)
            ax.set_title(plain(title, 40), fontsize=8, color=INK)
            ax.tick_params(axis="x", labelbottom=True)
            ax.set_xlabel(words("figure.anomalies.excess"))
        low, high = min(float(excess.min()), 0.0), max(float(excess.max()), 0.0)
        if high - low > 50:
            # One value far out would leave no room for the others.
            panels[0].set_xscale("symlog", linthresh=10)
        else:
            room = 0.04 * (high - low) or 1.0
            panels[0].set_xlim(low - room, high + room)
            for ax in panels[:rows]:
                ax.xaxis.set_major_formatter(Ticks(words))
    return figure


def excess_maps(
    images: Floats, excess: Floats, titles: Sequence[str], span: tuple[float, float], words: Words
) -> Figure:
    """Each image above a map of what each pixel adds, all maps on one scale.

    Args:
        images: model values, shape (n, height, width) or (n, height, width, colours).
        excess: nats above what is usual, of the same shape; colours are summed.
        titles: of each image.
        span: the values of black and white.
        words: the language.
    """
    n, across = len(images), min(ACROSS, len(images))
    down = math.ceil(n / across)
    height, width = images.shape[1:3]
    maps = np.asarray(excess, np.float64).reshape(*excess.shape[:3], -1).sum(axis=3)
    # The few pixels that are farthest out may be darkest of all.
    top = float(np.quantile(np.abs(maps), 0.999)) or 1.0
    shown = np.clip((np.asarray(images, np.float64) - span[0]) / ((span[1] - span[0]) or 1.0), 0, 1)
    with style():
        each = (WIDTH - 0.7) / max(across, 3)
        figure = Figure(
            figsize=(each * across + 0.7, min(9.0, down * (2 * each * height / width + 0.45))), layout="constrained"
        )
        panels = figure.subplots(2 * down, across, squeeze=False)
        drawn: Any = None
        for i in range(down * across):
            pair = panels[2 * (i // across) : 2 * (i // across) + 2, i % across]
            for ax in pair:
                ax.set(xticks=[], yticks=[])
                ax.grid(False)
                for spine in ax.spines.values():
                    spine.set(visible=True, color=LINE)
                if i >= n:
                    ax.set_axis_off()
            if i >= n:
                continue
            pair[0].imshow(shown[i].squeeze(), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
            pair[0].set_title(plain(titles[i], 24), loc="center", fontsize=8, color=INK)
            drawn = pair[1].imshow(maps[i], cmap=SHADES, vmin=-top, vmax=top, interpolation="nearest")
        bar = figure.colorbar(drawn, ax=list(panels.ravel()), pad=0.02, aspect=22, extend="both")
        localise(bar.ax, words)
        bar.ax.xaxis.set_ticks([])
        bar.ax.grid(False)
        bar.outline.set_visible(False)
        bar.set_label(words("figure.anomalies.excess"))
    return figure
