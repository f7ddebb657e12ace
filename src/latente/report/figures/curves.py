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
    MARKERS,
    MUTED,
    ORANGE,
    SERIES,
    WIDTH,
    half_width,
    latent_size_axis,
    localise,
    plain,
    spread,
    style,
)
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
    with style():
        size = (WIDTH, 2.5) if len(parts) > 1 else (HALF, 2.9)
        figure = Figure(figsize=size, layout="constrained")
        panels = figure.subplots(1, len(parts), squeeze=False)[0]
        for ax, part in zip(panels, parts, strict=True):
            _curve(ax, histories, part, ORANGE, "--", words("figure.series.training"))
            _curve(ax, histories, f"val_{part}", BLUE, "-", words("figure.series.validation"))
            if len(parts) > 1:
                ax.set_title(words(f"figure.series.{part}"))
            _epochs(ax, words)
            _cut(ax, [histories], part, ORANGE, words)
        panels[0].set_ylabel(words(f"figure.axis.nats_{unit}"))
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper right", ncols=2)
    return figure


def sweep_curves(
    families: Mapping[str, Mapping[int, Sequence[History]]], words: Words, *, unit: str = "image"
) -> Figure:
    """Loss over the epochs at each latent size: a panel for each family, a colour and a label for each size."""
    sizes = sorted({size for family in families.values() for size in family})
    with style():
        wide = len(families) > 1
        figure = Figure(figsize=(WIDTH if wide else HALF + 0.6, 2.9), layout="constrained")
        panels = figure.subplots(1, len(families), squeeze=False, sharey=True)[0]
        for ax, (name, family) in zip(panels, families.items(), strict=True):
            for size, histories in family.items():
                colour = SERIES[sizes.index(size) % len(SERIES)]
                _curve(ax, histories, "loss", colour, "--", None, band=False)
                _curve(ax, histories, "val_loss", colour, "-", None)
            ax.set_title(plain(name))
            _epochs(ax, words)
        for ax, family in zip(panels, families.values(), strict=True):
            _cut(ax, [h for f in families.values() for h in f.values()], "loss", MUTED, words, [*family.values()])
        panels[0].set_ylabel(words(f"figure.axis.loss_{unit}"))
        for ax, family in zip(panels, families.values(), strict=True):
            ends = [(s, *_end(h, "val_loss")) for s, h in family.items()]
            texts = [latents(words, s) for s, _, _ in ends]
            chosen = [SERIES[sizes.index(s) % len(SERIES)] for s, _, _ in ends]
            _label_ends(ax, [e[1] for e in ends], [e[2] for e in ends], texts, chosen, height=1.9)
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
    with style():
        figure = Figure(figsize=(WIDTH, 3.1), layout="constrained")
        ax = figure.subplots()
        for i, line in enumerate(lines.values()):
            at = sorted(line)
            ax.errorbar(
                at,
                [line[s].value for s in at],
                yerr=[half_width(line[s].standard_error, seeds) for s in at],
                color=SERIES[i % len(SERIES)],
                marker=MARKERS[i % len(MARKERS)],
                capsize=2.5,
                elinewidth=1,
            )
        latent_size_axis(ax, sizes, words, 1.15)
        ax.set_ylim(bottom=min(0, ax.get_ylim()[0]))
        ax.set_ylabel(words(f"figure.axis.nats_{unit}"))
        last = [(max(line), line[max(line)].value) for line in lines.values()]
        chosen = [SERIES[i % len(SERIES)] for i in range(len(lines))]
        texts = [plain(name, 32) for name in lines]
        _label_ends(ax, [x for x, _ in last], [y for _, y in last], texts, chosen, height=2.3)
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
    ax.annotate(
        "↑ " + "–".join(values), (2, 1), xycoords=("data", "axes fraction"), xytext=(5, -1),
        textcoords="offset points", va="top", fontsize=8, color=colour,
    )  # fmt: skip


def _epochs(ax: Any, words: Words) -> None:
    ax.set_xlabel(words("epoch"))
    localise(ax, words)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=5, min_n_ticks=1))


def _label_ends(
    ax: Any, x: Sequence[float], y: Sequence[float], texts: Sequence[str], colours: Sequence[str], *, height: float
) -> None:
    low, high = ax.get_ylim()
    # 11 points a line of text, in the axis' own units; the height is nearly that of the finished axes.
    line = (high - low) * 11 / (72 * height)
    placed = spread(np.asarray(y, np.float64), line, low + line / 2)
    for x_, y_, text, colour in zip(x, placed, texts, colours, strict=True):
        ax.annotate(
            text,
            (x_, y_),
            xytext=(6, 0),
            textcoords="offset points",
            color=colour,
            va="center",
            fontsize=8,
            annotation_clip=False,
        )
