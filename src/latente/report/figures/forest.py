"""Paired differences between models as a forest plot: a line for each pair, with its interval."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from latente.analysis.ranking import Comparison, PairedDifference, Ranking
from latente.language.words import Words
from latente.report.figures.style import BLUE, MUTED, WIDTH, localise, plain, shown, style
from latente.report.tables.comparison import shown_differences
from latente.report.tables.names import number_name

ROW = 0.19
"""Inches of a line."""


def plot_comparison(found: Comparison, lang: str | None = None) -> Figure:
    """A panel for each ranking: how far the second model of each pair is above the first, with its interval.

    A filled mark is a pair of which one model is shown to be better, in that model's favour as the table of
    `latente.text` says; a hollow one is a pair of which it cannot be told.

    Args:
        found: what `latente.compare` returned.
        lang: "en" or "pt"; by default the user's locale.

    Raises:
        SpecError: another language.
    """
    words = Words(lang)
    rows = [shown_differences(ranking) for ranking in found.boards]
    with style():
        heights = [max(len(gaps), 1) + 3.2 for gaps in rows] or [4]
        figure = Figure(figsize=(WIDTH, ROW * sum(heights) + 0.4), layout="constrained")
        panels = figure.subplots(max(len(rows), 1), 1, squeeze=False, height_ratios=heights)[:, 0]
        for ax, ranking, gaps in zip(panels, found.boards, rows, strict=False):
            _panel(ax, ranking, gaps, words)
        if not rows:
            panels[0].set_axis_off()
            panels[0].text(0, 1, words("figure.forest.none"), va="top")
        else:
            keys = [
                Line2D([], [], linestyle="", marker="o", color=BLUE, label=words("figure.forest.better")),
                Line2D([], [], linestyle="", marker="o", color=MUTED, markerfacecolor="white",
                       label=words("figure.forest.unknown")),
            ]  # fmt: skip
            figure.legend(handles=keys, loc="outside upper right", ncols=2)
    return shown(figure)


def _panel(ax: Any, ranking: Ranking, gaps: list[PairedDifference], words: Words) -> None:
    ax.axvline(0, color=MUTED, linewidth=0.8)
    for at, gap in enumerate(gaps):
        value = gap.difference.estimate
        colour, fill = (BLUE, BLUE) if gap.better else (MUTED, "white")
        if gap.covers != "nothing":
            ax.plot([value.low, value.high], [at, at], color=colour, linewidth=1.4)
        ax.plot([value.value], [at], "o", color=colour, markerfacecolor=fill)
    # First, for it writes numbers on both axes.
    localise(ax, words)
    ax.set_yticks(range(len(gaps)), [f"{plain(g.second, 20)} − {plain(g.first, 20)}" for g in gaps])
    ax.set_ylim(len(gaps) - 0.5, -0.5)
    ax.grid(axis="y", visible=False)
    column = plain(number_name(ranking.column, words), 60)
    ax.set_xlabel(words(f"figure.forest.{'lower' if ranking.lower else 'higher'}", column=column))
