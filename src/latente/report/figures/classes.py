"""Figures by class, a row each: reconstruction errors, and how often samples fall into each class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from latente.language.words import Words
from latente.report.figures.style import HALF, INK, LINE, half_width, localise, look, panels, plain

Floats = NDArray[np.floating]


def class_errors(
    errors: Mapping[str, Floats],
    labels: NDArray[np.integer],
    classes: Sequence[str],
    words: Words,
    *,
    unit: str = "image",
) -> Figure:
    """Mean reconstruction error of each class with its 95% interval, a mark for each model.

    Args:
        errors: nats of each example by model, shape (n,) each.
        labels: each example's class, shape (n,).
        classes: names of the labels; classes without examples are left out.
        words: the language.
        unit: "image" or "example".
    """
    present = [c for c in range(len(classes)) if (labels == c).any()]
    estimates = {}
    for name, values in errors.items():
        means, halves = class_means(values, labels, present)
        estimates[name] = np.stack([means, halves, halves], axis=1)
    with panels(HALF, max(1.6, 0.9 + 0.26 * len(present))) as (figure, (ax,)):
        _marks(ax, estimates, [classes[c] for c in present], words, apart=0.16)
        ax.set_xlabel(words(f"figure.axis.reconstruction_{unit}"))
        if len(errors) > 1:
            figure.legend(*ax.get_legend_handles_labels(), loc="outside upper right", ncols=min(len(errors), 3))
    return figure


def class_means(
    values: Floats, labels: NDArray[np.integer], present: Sequence[int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean of each class and half of its 95% interval; no interval (NaN) for a single example."""
    groups = [np.asarray(values, np.float64)[labels == c] for c in present]
    halves = [half_width(float(g.std(ddof=1)) / np.sqrt(len(g)), len(g)) if len(g) > 1 else np.nan for g in groups]
    return np.array([g.mean() for g in groups]), np.array(halves)


def class_shares(shares: Mapping[str, Floats], reference: Floats, classes: Sequence[str], words: Words) -> Figure:
    """Share of each class among samples with its 95% interval, a mark for each model, and the data's own as a line.

    Args:
        shares: by model: value, low and high of each class, shape (classes, 3), 0..1.
        reference: the data's, shape (classes,).
        classes: their names.
        words: the language.
    """
    estimates = {}
    for name, found in shares.items():
        value, low, high = 100 * np.asarray(found, np.float64).T
        estimates[name] = np.stack([value, np.maximum(value - low, 0), np.maximum(high - value, 0)], axis=1)
    with panels(HALF, max(1.9, 1.1 + 0.26 * len(classes))) as (figure, (ax,)):
        for row, value in enumerate(100 * np.asarray(reference)):
            label = words("figure.series.data") if row == 0 else None
            ax.plot([value, value], [row - 0.42, row + 0.42], color=INK, linewidth=1.2, label=label)
        _marks(ax, estimates, classes, words, apart=min(0.2, 0.7 / max(len(shares), 1)))
        ax.set_xlim(left=0)
        ax.set_xlabel(words("figure.axis.share_of_samples"))
        figure.legend(*ax.get_legend_handles_labels(), loc="outside upper right", ncols=min(1 + len(shares), 3))
    return figure


def _marks(
    ax: Any, estimates: Mapping[str, NDArray[np.float64]], classes: Sequence[str], words: Words, *, apart: float
) -> None:
    """A row for each class, with a mark for each model; an estimate is a value and how far it reaches down and up."""
    count = len(classes)
    for i, (name, found) in enumerate(estimates.items()):
        value, down, up = found.T
        rows = np.arange(count) + apart * (i - (len(estimates) - 1) / 2)
        bars = {"linestyle": "none", "capsize": 2, "elinewidth": 1}
        ax.errorbar(value, rows, xerr=[down, up], label=plain(name), **bars, **look(i))
    localise(ax, words)
    ax.set_yticks(range(count), [plain(c, 18) for c in classes])
    ax.set_ylim(count - 0.4, -0.6)
    ax.grid(axis="y", visible=False)
    for row in range(1, count):
        ax.axhline(row - 0.5, color=LINE, linewidth=0.5, zorder=0)
    ax.tick_params(axis="y", length=0)
    ax.set_ylabel(words("figure.axis.class"))
