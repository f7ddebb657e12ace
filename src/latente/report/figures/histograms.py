"""Histograms of scores of two sets of examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from latente.language.words import Words
from latente.report.figures.style import BLUE, HALF, INK, ORANGE, WIDTH, localise, panels, plain

BARS = 30

FILLED: dict[str, Any] = {"fill": True, "color": BLUE, "alpha": 0.55}

HATCHED: dict[str, Any] = {"edgecolor": ORANGE, "hatch": "////", "linewidth": 0.9}

ENDS = (0.005, 0.98)
"""Quantiles of both sets together at which the outermost bars end: a few far values would leave the rest no room."""

FAR = 5.0
"""Where both sets together reach so many times as far as nine tenths of the inliers, the axis is bent."""


@dataclass(frozen=True)
class Panel:
    """One score: a title, the label of its axis, and its values of inliers and of outliers, shape (n,) and (m,)."""

    title: str
    label: str
    inliers: NDArray[np.float64]
    outliers: NDArray[np.float64]


def histograms(scores: Sequence[Panel], names: tuple[str, str], words: Words) -> Figure:
    """A panel for each score; inliers filled, outliers hatched, so that they stay apart without colours.

    Args:
        scores: what each panel shows.
        names: of inliers and of outliers.
        words: the language.
    """
    size = (WIDTH, 2.6) if len(scores) > 1 else (HALF, 2.8)
    with panels(*size, 1, len(scores), sharey=True) as (figure, axes):
        top = 0.0
        for ax, panel in zip(axes, scores, strict=True):
            edges, width = bars(panel.inliers, panel.outliers)
            if width is not None:
                ax.set_xscale("asinh", linear_width=width)
            for name, values, look in zip(names, (panel.inliers, panel.outliers), (FILLED, HATCHED), strict=True):
                share = 100 * np.histogram(np.clip(values, *edges[[0, -1]]), edges)[0] / len(values)
                ax.stairs(share, edges, label=plain(name), **look)
                top = max(top, float(share.max()))
            if width is None:
                localise(ax, words)
            else:
                at = ticks(edges[0], edges[-1], width)
                ax.set_xticks(at, [words.number(t, "g") for t in at])
                ax.set_xticks([], minor=True)
            ax.set_title(panel.title, fontsize=8, color=INK)
            ax.set_xlabel(panel.label)
        axes[0].set_ylim(0, 1.05 * top)
        axes[0].set_ylabel(words("figure.outliers.examples"))
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper right", ncols=2)
    return figure


def bars(inliers: NDArray[np.float64], outliers: NDArray[np.float64]) -> tuple[NDArray[np.float64], float | None]:
    """The ends of the bars; and, where outliers lie far beyond the inliers, up to where the axis is to be linear.

    Beyond that it is logarithmic (as the inverse hyperbolic sine is), or the inliers would be a single bar.
    """
    low, high = np.quantile(np.concatenate([inliers, outliers]), ENDS)
    high = high if high > low else low + 1
    usual = np.quantile(inliers, (0.05, 0.95))
    width = float(np.abs(usual).max())
    if width == 0 or high - low < FAR * (usual[1] - usual[0]) or max(abs(low), abs(high)) < 2 * width:
        return np.linspace(low, high, BARS + 1), None
    return width * np.sinh(np.linspace(np.arcsinh(low / width), np.arcsinh(high / width), BARS + 1)), width


def ticks(low: float, high: float, width: float) -> list[float]:
    """Round numbers of an axis that is linear up to a width and logarithmic beyond."""
    unit = 10 ** np.floor(np.log10(max(abs(low), abs(high))))
    steps = [s * unit / 10**k for k in range(4) for s in (5, 2, 1)]
    found = [t for t in (*(-s for s in steps), 0.0, *steps) if low <= t <= high]
    at = {t: np.arcsinh(t / width) for t in found}
    least = (np.arcsinh(high / width) - np.arcsinh(low / width)) / 6
    kept: list[float] = []
    for t in sorted(found, key=lambda t: (t != 0, -abs(t))):
        if all(abs(at[t] - at[k]) >= least for k in kept):
            kept.append(t)
    return sorted(kept)
