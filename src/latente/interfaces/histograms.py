"""Histograms of scores of two sets of examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from latente.interfaces.drawing import BLUE, HALF, INK, ORANGE, WIDTH, localise, plain, style
from latente.interfaces.words import Words

BARS = 30
ENDS = (0.005, 0.98)
"""Quantiles of both sets together at which the outermost bars end: a few far values would leave the rest no room."""


@dataclass(frozen=True)
class Panel:
    """One score: a title, the label of its axis, and its values of inliers and of outliers, shape (n,) and (m,)."""

    title: str
    label: str
    inliers: NDArray[np.float64]
    outliers: NDArray[np.float64]


def histograms(panels: Sequence[Panel], names: tuple[str, str], words: Words) -> Figure:
    """A panel a score; inliers filled, outliers hatched lines, so that they stay apart without colours.

    Args:
        panels: the scores.
        names: of inliers and of outliers.
        words: the language.
    """
    with style():
        size = (WIDTH, 2.6) if len(panels) > 1 else (HALF, 2.8)
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
        for ax, panel in zip(axes, panels, strict=True):
            both = np.concatenate([panel.inliers, panel.outliers])
            low, high = np.quantile(both, ENDS)
            edges = np.linspace(low, high if high > low else low + 1, BARS + 1)
            for name, values, outline in ((names[0], panel.inliers, False), (names[1], panel.outliers, True)):
                share = 100 * np.histogram(np.clip(values, *edges[[0, -1]]), edges)[0] / len(values)
                label = plain(name)
                if outline:
                    ax.stairs(share, edges, edgecolor=ORANGE, hatch="////", linewidth=0.9, label=label)
                else:
                    ax.stairs(share, edges, fill=True, color=BLUE, alpha=0.55, label=label)
            localise(ax, words)
            ax.set_title(panel.title, fontsize=8, color=INK)
            ax.set_xlabel(panel.label)
            ax.set_ylim(bottom=0)
        axes[0].set_ylabel(words("figure.outliers.examples"))
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper right", ncols=2)
    return figure
