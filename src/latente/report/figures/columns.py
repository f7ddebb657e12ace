"""Columns of a table beside what a model makes of them: their distributions, and values with their reconstructions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.stats import ks_2samp

from latente.language.words import Words
from latente.report.figures.style import BLUE, INK, MUTED, ORANGE, WIDTH, Ticks, localise, note, panels, plain

MOST = 12
"""Columns in a figure at most."""

ACROSS = 3

BARS = 24
"""Bars of a histogram at most."""

ENDS = (0.005, 0.995)
"""Quantiles of both sets together at which the outermost bars end."""

MOST_CATEGORIES = 8
"""Categories that are named at the axis at most."""


@dataclass(frozen=True)
class ColumnPair:
    """One column twice, in the data's own units; no missing values.

    Attributes:
        name: of the column.
        categories: the texts that codes 0, 1, ... stand for; empty for numbers.
        data: its values, shape (n,).
        made: what the model made, shape (m,): draws, or (with m = n) the reconstruction of each value.
    """

    name: str
    categories: tuple[str, ...]
    data: NDArray[np.float64]
    made: NDArray[np.float64]

    @property
    def distance(self) -> float:
        """How far the two distributions are apart, 0 to 1: Kolmogorov and Smirnov's distance of numbers, of categories
        the total variation distance."""
        if not self.categories:
            return float(ks_2samp(self.data, self.made).statistic)
        shares = [np.bincount(v.astype(int), minlength=len(self.categories)) / len(v) for v in (self.data, self.made)]
        return float(np.abs(shares[0] - shares[1]).sum() / 2)

    @property
    def agreement(self) -> float:
        """How well values are rebuilt: the correlation of numbers (0 where one is constant), and of categories the
        share that is right."""
        if self.categories:
            return float((np.rint(self.made) == self.data).mean())
        if min(np.ptp(self.data), np.ptp(self.made)) <= 0:
            return 0.0
        return float(np.corrcoef(self.data, self.made)[0, 1])


def marginals(columns: Sequence[ColumnPair], names: tuple[str, str], words: Words) -> Figure:
    """A panel for each column: the data filled, and what the model draws as a line, so that they stay apart without
    colours; shares of each in percent.

    Args:
        columns: at most `MOST`.
        names: of the data and of the draws.
        words: the language.
    """
    down = math.ceil(len(columns) / ACROSS)
    with panels(WIDTH, 1.75 * down + 0.4, down, ACROSS) as (figure, axes):
        for ax, column in zip(axes, columns, strict=False):
            if column.categories:
                edges = np.arange(len(column.categories) + 1) - 0.5
                ticks = list(range(min(len(column.categories), MOST_CATEGORIES)))
                size = 10 if len(ticks) <= 4 else 4
                ax.set_xticks(ticks, [plain(column.categories[t], size) for t in ticks])
                ax.yaxis.set_major_formatter(Ticks(words))
            else:
                edges = _edges(column)
                localise(ax, words)
                ax.locator_params(axis="x", nbins=4)
            for name, values, look in zip(names, (column.data, column.made), _LOOKS, strict=True):
                share = 100 * np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0] / len(values)
                ax.stairs(share, edges, label=plain(name), **look)
            ax.set_title(plain(column.name, 20))
            ax.set_ylim(0)
        for ax in axes[len(columns) :]:
            ax.set_visible(False)
        for ax in axes[::ACROSS]:
            ax.set_ylabel("%")
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper right", ncols=2)
    return figure


def rebuilt(columns: Sequence[ColumnPair], words: Words) -> Figure:
    """A panel for each column of numbers: each value and its reconstruction, with the diagonal on which they agree; of
    categories, a table of shares by row. The number of each panel is `ColumnPair.agreement`."""
    down = math.ceil(len(columns) / ACROSS)
    with panels(WIDTH, 2.15 * down, down, ACROSS) as (figure, axes):
        for ax, column in zip(axes, columns, strict=False):
            ax.set_title(plain(column.name, 20))
            key = "right" if column.categories else "correlation"
            note(ax, words(f"figure.columns.{key}", value=column.agreement), (0.04, 0.96), (0, 0),
                 xycoords="axes fraction", va="top", zorder=5,
                 bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1})  # fmt: skip
            if column.categories:
                _confusion(ax, column)
                continue
            ends = np.quantile(np.concatenate([column.data, column.made]), ENDS)
            room = 0.06 * max(float(ends[1] - ends[0]), 1e-12)
            low, high = float(ends[0]) - room, float(ends[1]) + room
            size = float(np.clip(3000 / len(column.data), 1, 9))
            ax.plot([low, high], [low, high], color=MUTED, linewidth=0.8)
            ax.scatter(column.data, column.made, s=size, color=BLUE, alpha=0.6, linewidths=0)
            ax.set_xlim(low, high)
            ax.set_ylim(low, high)
            ax.locator_params(nbins=4)
            localise(ax, words)
        for ax in axes[len(columns) :]:
            ax.set_visible(False)
        for ax in axes[::ACROSS]:
            ax.set_ylabel(words("figure.columns.rebuilt_axis"))
        for at in range(len(columns) - min(ACROSS, len(columns)), len(columns)):
            axes[at].set_xlabel(words("figure.columns.data_axis"))
    return figure


_LOOKS: tuple[dict[str, Any], ...] = ({"fill": True, "color": BLUE, "alpha": 0.45}, {"color": ORANGE, "linewidth": 1.4})


def _edges(column: ColumnPair) -> NDArray[np.float64]:
    low, high = np.quantile(np.concatenate([column.data, column.made]), ENDS)
    distinct = np.unique(column.data)
    if len(distinct) <= BARS and np.all(distinct == np.rint(distinct)):
        return np.arange(distinct[0], distinct[-1] + 2) - 0.5
    if high <= low:
        low, high = low - 0.5, high + 0.5
    # Rice's rule, as few values make ragged bars.
    return np.linspace(low, high, min(BARS, math.ceil(2 * len(column.data) ** (1 / 3))) + 1)


def _confusion(ax: Any, column: ColumnPair) -> None:
    n = len(column.categories)
    counts = np.zeros((n, n))
    np.add.at(counts, (np.rint(column.made).astype(int).clip(0, n - 1), column.data.astype(int)), 1)
    shares = counts / np.maximum(counts.sum(axis=0), 1)
    ax.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto", origin="lower")
    ticks = list(range(min(n, MOST_CATEGORIES)))
    names = [plain(column.categories[t], 6) for t in ticks]
    ax.set_xticks(ticks, names)
    ax.set_yticks(ticks, names, color=INK)
    ax.grid(False)
