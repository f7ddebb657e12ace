"""Curves of losses over the epochs, and values against the latent size."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from latente.evaluation.evaluate import Metric
from latente.language.words import Words
from latente.report.figures.style import (
    BLUE,
    HALF,
    MUTED,
    ORANGE,
    WIDTH,
    half_width,
    latent_size_axis,
    localise,
    look,
    note,
    panels,
    plain,
    spread,
)  # fmt: skip
from latente.training.fit import History


def curves(histories: Sequence[History], words: Words, *, unit: str = "image") -> Figure:
    """Training and validation loss over the epochs, and its parts where there is a KL.

    Args:
        histories: of one model, one for each seed; several are drawn as their mean and the band from least to greatest,
            as far as every seed was trained.
        words: the language.
        unit: "image" or "example", what the nats are counted for.
    """
    parts = ("loss", "reconstruction", "kl") if _has_kl(histories) else ("loss",)
    size = (WIDTH, 2.5) if len(parts) > 1 else (HALF, 2.9)
    with panels(*size, 1, len(parts)) as (figure, axes):
        for ax, part in zip(axes, parts, strict=True):
            _curve(ax, histories, part, ORANGE, "--", words("figure.series.training"))
            _curve(ax, histories, f"val_{part}", BLUE, "-", words("figure.series.validation"))
            if len(parts) > 1:
                ax.set_title(words(f"figure.series.{part}"))
            _epochs(ax, words)
            _cut(ax, [histories], part, ORANGE, words)
        axes[0].set_ylabel(words(f"figure.axis.nats_{unit}"))
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper right", ncols=2)
    return figure


def sweep_curves(
    families: Mapping[str, Mapping[int, Sequence[History]]], words: Words, *, unit: str = "image"
) -> Figure:
    """Loss over the epochs at each latent size: a panel for each family, a colour and a label for each size."""
    sizes = sorted({size for family in families.values() for size in family})
    colours = {size: look(number)["color"] for number, size in enumerate(sizes)}
    width = WIDTH if len(families) > 1 else HALF + 0.6
    with panels(width, 2.9, 1, len(families), sharey=True) as (figure, axes):
        for ax, (name, family) in zip(axes, families.items(), strict=True):
            for size, histories in family.items():
                _curve(ax, histories, "loss", colours[size], "--", None, band=False)
                _curve(ax, histories, "val_loss", colours[size], "-", None)
            ax.set_title(plain(name))
            _epochs(ax, words)
        for ax, family in zip(axes, families.values(), strict=True):
            _cut(ax, [h for f in families.values() for h in f.values()], "loss", MUTED, words, [*family.values()])
        axes[0].set_ylabel(words(f"figure.axis.loss_{unit}"))
        for ax, family in zip(axes, families.values(), strict=True):
            ends = [(*_end(h, "val_loss"), latents(words, s), colours[s]) for s, h in family.items()]
            _label_ends(ax, ends, height=1.9)
        keys = [
            Line2D([], [], color=MUTED, linestyle="-", label=words("figure.series.validation")),
            Line2D([], [], color=MUTED, linestyle="--", label=words("figure.series.training")),
        ]
        figure.legend(handles=keys, loc="outside upper right", ncols=2)
    return figure


def sweep_parts(
    lines: Mapping[str, Mapping[int, Metric]], words: Words, *, unit: str = "image", seeds: int = 1
) -> Figure:
    """Named values in nats against the latent size, each with its 95% interval, labelled at its end.

    With several seeds the values' errors are over them, otherwise over examples.
    """
    sizes = sorted({size for line in lines.values() for size in line})
    with panels(WIDTH, 3.1) as (figure, (ax,)):
        ends = []
        for i, (name, line) in enumerate(lines.items()):
            at = sorted(line)
            values = [line[s].value for s in at]
            halves = [half_width(line[s].standard_error, seeds) for s in at]
            ax.errorbar(at, values, yerr=halves, capsize=2.5, elinewidth=1, **look(i))
            ends.append((at[-1], values[-1], plain(name, 32), look(i)["color"]))
        latent_size_axis(ax, sizes, words, 1.15)
        ax.set_ylim(bottom=min(0, ax.get_ylim()[0]))
        ax.set_ylabel(words(f"figure.axis.nats_{unit}"))
        _label_ends(ax, ends, height=2.3)
    return figure


def is_cut(*runs: Sequence[History], parts: Sequence[str] = ("loss", "reconstruction", "kl")) -> bool:
    """Whether a figure of these histories leaves out the first epoch's training mean (see `_cut`)."""
    parts = parts if any(map(_has_kl, runs)) else ("loss",)
    return any(_limits(runs, part) is not None for part in parts)


def latents(words: Words, size: int) -> str:
    """A latent size in words, for instance "8 latents"."""
    return words("figure.series.latent" if size == 1 else "figure.series.latents", size=size)


def _has_kl(histories: Sequence[History]) -> bool:
    return any(np.any(h["kl"] != 0) for h in histories)


def _together(histories: Sequence[History], key: str) -> NDArray[np.float64]:
    epochs = min(len(h[key]) for h in histories)
    return np.stack([np.asarray(h[key][:epochs], np.float64) for h in histories])


def _end(histories: Sequence[History], key: str) -> tuple[float, float]:
    values = _together(histories, key)
    return float(values.shape[1]), float(values[:, -1].mean())


def _curve(
    ax: Any, histories: Sequence[History], key: str, colour: str, line: str, label: str | None, *, band: bool = True
) -> None:
    values = _together(histories, key)
    epochs = np.arange(1, values.shape[1] + 1)
    # A single epoch has no line, so it gets a mark.
    mark = "o" if len(epochs) == 1 else ""
    ax.plot(epochs, values.mean(axis=0), color=colour, linestyle=line, label=label, marker=mark)
    if band and len(values) > 1:
        ax.fill_between(epochs, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.2, linewidth=0)


def _limits(runs: Sequence[Sequence[History]], part: str) -> tuple[float, float] | None:
    later = [_together(h, part)[:, 1:] for h in runs]
    if not all(v.size for v in later):
        return None
    rest = [*later, *(_together(h, f"val_{part}") for h in runs)]
    low, high = min(float(r.min()) for r in rest), max(float(r.max()) for r in rest)
    greatest = max(float(_together(h, part)[:, 0].mean()) for h in runs)
    return (low, high) if greatest > high + 0.25 * (high - low) else None


def _cut(
    ax: Any,
    runs: Sequence[Sequence[History]],
    part: str,
    colour: str,
    words: Words,
    here: Sequence[Sequence[History]] | None = None,
) -> None:
    """Let the first epoch's training mean leave the panel where it would press all else flat, and say where it is."""
    limits = _limits(runs, part)
    if limits is None:
        return
    low, high = limits
    ax.set_ylim(low - 0.05 * (high - low), high + 0.08 * (high - low))
    firsts = [float(_together(h, part)[:, 0].mean()) for h in (here or runs)]
    digits = max(0, 1 - math.floor(math.log10(high - low))) if high > low else 0
    values = dict.fromkeys(words.number(v, f".{digits}f") for v in (min(firsts), max(firsts)))
    # The line comes back into the panel on its way to epoch 2: to the right of that the words are free of it.
    note(ax, "↑ " + "–".join(values), (2, 1), (5, -1), xycoords=("data", "axes fraction"), va="top", color=colour)


def _epochs(ax: Any, words: Words) -> None:
    ax.set_xlabel(words("epoch"))
    localise(ax, words)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=5, min_n_ticks=1))


def _label_ends(ax: Any, ends: Sequence[tuple[float, float, str, str]], *, height: float) -> None:
    """Write beside each end (x, y) of a line its text in its colour."""
    low, high = ax.get_ylim()
    # 11 points a line of text, in the axis' own units; the height is nearly that of the finished axes.
    line = (high - low) * 11 / (72 * height)
    placed = spread(np.array([y for _, y, _, _ in ends]), line, low + line / 2)
    for (x, _, text, colour), y in zip(ends, placed, strict=True):
        note(ax, text, (x, y), (6, 0), color=colour, va="center", annotation_clip=False)
