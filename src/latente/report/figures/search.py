"""Figures of a search: its trials one after the other, what mattered, and each setting by itself."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from latente.language.words import Words
from latente.report.figures.style import BLUE, GREEN, INK, MUTED, ORANGE, WIDTH, localise, panels, plain, style

MOST = 12
"""Settings that have a panel."""

ACROSS = 3

FAR = 4.0
"""So many times the distance of the median from the best is as far as an axis goes; what is worse is drawn at its
end."""


@dataclass(frozen=True)
class Slice:
    """A setting against what was searched by.

    Attributes:
        name: the setting's.
        points: where each complete trial stands, and its number.
        choices: what the places 0, 1, … are called; None for numbers.
        log: a logarithmic axis.
        best: where the best trial stands.
        default: where the default stands; None where it is not in the space.
    """

    name: str
    points: Sequence[tuple[Any, float | None]]
    choices: Sequence[str] | None
    log: bool
    best: Any
    default: Any


def trials(
    done: Sequence[tuple[int, float]],
    pruned: Sequence[int],
    importance: Mapping[str, float],
    words: Words,
    *,
    ylabel: str,
    lower: bool,
) -> Figure:
    """Complete trials in their order with the best so far, those that were broken off below, and shares of variance."""
    numbers, values = np.array([n for n, _ in done]), np.array([v for _, v in done])
    best = np.minimum.accumulate(values) if lower else np.maximum.accumulate(values)
    with style():
        figure = Figure(figsize=(WIDTH, 2.7), layout="constrained")
        made = figure.subplots(1, 2, width_ratios=(3, 2)) if importance else [figure.subplots()]
        ax = made[0]
        end = _limit(ax, values, lower=lower)
        _points(ax, numbers, values, end, lower=lower, label=words("search.state.complete"))
        ax.step(numbers, best, where="post", color=ORANGE, label=words("search.figure.best_so_far"))
        if pruned:
            ax.plot(
                pruned, np.full(len(pruned), 0.02), "|", transform=ax.get_xaxis_transform(), color=MUTED,
                label=words("search.state.pruned"),
            )  # fmt: skip
        ax.set_xlabel(words("search.column.trial"))
        ax.set_ylabel(plain(ylabel, 32))
        localise(ax, words)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        figure.legend(*ax.get_legend_handles_labels(), loc="outside upper left", ncols=3)
        if importance:
            names = list(importance)[:MOST]
            made[1].barh([plain(n) for n in names][::-1], [importance[n] for n in names][::-1], color=BLUE, height=0.6)
            made[1].set_xlim(0, 1)
            made[1].set_xlabel(words("search.figure.share"))
            made[1].grid(False, axis="y")
            made[1].xaxis.set_major_formatter(lambda x, _: words.number(x, ".1f"))
    return figure


def slices(found: Sequence[Slice], words: Words, *, ylabel: str, lower: bool, best: float) -> Figure:
    """A panel for each setting: every complete trial, the best one ringed, the default's setting as a line."""
    rows = math.ceil(len(found) / ACROSS)
    across = min(ACROSS, len(found))
    with panels(WIDTH, 0.4 + 2.1 * rows, rows, across) as (figure, axes):
        for ax, one in zip(axes, found, strict=False):
            points = [(x, y) for x, y in one.points if x is not None and y is not None]
            x, y = np.array([p[0] for p in points]), np.array([p[1] for p in points])
            if one.log:
                ax.set_xscale("log")
            if one.default is not None:
                ax.axvline(one.default, color=GREEN, linestyle=":", zorder=1, label=words("search.figure.default"))
            end = _limit(ax, y, lower=lower)
            _points(ax, x, y, end, lower=lower, label=words("search.figure.a_trial"))
            ax.plot(
                [one.best], [best], "o", markersize=10, markerfacecolor="none", markeredgecolor=ORANGE,
                markeredgewidth=1.6, label=words("search.figure.best"),
            )  # fmt: skip
            ax.set_xlabel(plain(one.name))
            localise(ax, words)
            if one.log:
                values = [v for v in (*x, one.default) if v is not None]
                # Of a range of less than two decades, powers of ten alone would say little.
                subs = (1.0, 2.0, 5.0) if max(values) < 100 * min(values) else (1.0,)
                ax.xaxis.set_major_locator(LogLocator(subs=subs))
                ax.xaxis.set_major_formatter(lambda v, _: words.number(v, "g"))
                ax.xaxis.set_minor_formatter(NullFormatter())
            if one.choices is not None:
                ax.set_xlim(-0.5, len(one.choices) - 0.5)
                turned = sum(map(len, one.choices)) > 24
                ax.set_xticks(
                    range(len(one.choices)), [plain(c, 14) for c in one.choices], rotation=30 if turned else 0,
                    ha="right" if turned else "center",
                )  # fmt: skip
        for ax in axes[len(found) :]:
            ax.set_visible(False)
        for ax in axes[::across]:
            ax.set_ylabel(plain(ylabel, 24))
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper left", ncols=3)
    return figure


def _limit(ax: Any, values: Any, *, lower: bool) -> float:
    """Where an axis ends on the worse side, and set it so."""
    best, middle = (values.min() if lower else values.max()), float(np.median(values))
    far = middle + FAR * (middle - best)
    worst = float(values.max() if lower else values.min())
    end = (min if lower else max)(worst, far)
    room = 0.06 * abs(end - best) or 0.5
    ax.set_ylim(*((best - room, end + room) if lower else (end - room, best + room)))
    return float(end)


def _points(ax: Any, x: Any, y: Any, end: float, *, lower: bool, label: str) -> None:
    beyond = y > end if lower else y < end
    ax.plot(x[~beyond], y[~beyond], "o", color=BLUE, alpha=0.7, label=label)
    ax.plot(x[beyond], np.full(beyond.sum(), end), "^" if lower else "v", color=INK, alpha=0.7)
