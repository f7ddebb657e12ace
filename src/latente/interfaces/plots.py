"""Figures of curves, codes and errors, from plain arrays; those of images are in `latente.interfaces.grids`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from latente.evaluation.evaluate import Metric
from latente.interfaces.drawing import (
    BLUE,
    CLASSES,
    HALF,
    INK,
    LINE,
    MARKERS,
    MUTED,
    ORANGE,
    SERIES,
    WIDTH,
    localise,
    plain,
    spread,
    style,
)
from latente.interfaces.grids import manifold, reconstructions, samples
from latente.interfaces.words import Words
from latente.training.fit import History

__all__ = [
    "class_errors",
    "codes",
    "curves",
    "manifold",
    "plane",
    "reconstructions",
    "samples",
    "sweep_curves",
    "sweep_parts",
]

INTERVAL = 1.96
"""Standard errors on each side of a mean in a 95% interval."""
MOST_CLASSES = 60


def curves(histories: Sequence[History], words: Words, *, unit: str = "image") -> Figure:
    """Training and validation loss over the epochs, and its parts where there is a KL.

    Args:
        histories: one a seed, of one model; several are drawn as their mean and the band from least to greatest,
            as far as every seed was trained.
        words: the language.
        unit: "image" or "example", what the nats are counted for.
    """
    parts = ("loss", "reconstruction", "kl") if _has_kl(histories) else ("loss",)
    with style():
        size = (WIDTH, 2.35) if len(parts) > 1 else (HALF, 2.7)
        figure = Figure(figsize=size, layout="constrained")
        panels = figure.subplots(1, len(parts), squeeze=False)[0]
        for ax, part in zip(panels, parts, strict=True):
            _curve(ax, histories, part, ORANGE, "--", words("figure.series.training"))
            _curve(ax, histories, f"val_{part}", BLUE, "-", words("figure.series.validation"))
            if len(parts) > 1:
                ax.set_title(words(f"figure.series.{part}"))
            _epochs(ax, words)
        panels[0].set_ylabel(words(f"figure.axis.nats_{unit}"))
        panels[0].legend(loc="upper right", borderaxespad=0)
    return figure


def sweep_curves(
    families: Mapping[str, Mapping[int, Sequence[History]]], words: Words, *, unit: str = "image"
) -> Figure:
    """Loss over the epochs for each latent size: a panel a family, a colour and a label at its end a size."""
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
        panels[0].set_ylabel(words(f"figure.axis.loss_{unit}"))
        for ax, family in zip(panels, families.values(), strict=True):
            ends = [(s, *_end(h, "val_loss")) for s, h in family.items()]
            texts = [words("figure.series.latents", size=s) for s, _, _ in ends]
            chosen = [SERIES[sizes.index(s) % len(SERIES)] for s, _, _ in ends]
            _label_ends(ax, [e[1] for e in ends], [e[2] for e in ends], texts, chosen, height=1.9)
        keys = [
            Line2D([], [], color=MUTED, linestyle="-", label=words("figure.series.validation")),
            Line2D([], [], color=MUTED, linestyle="--", label=words("figure.series.training")),
        ]
        panels[-1].legend(handles=keys, loc="upper right", borderaxespad=0)
    return figure


def sweep_parts(lines: Mapping[str, Mapping[int, Metric]], words: Words, *, unit: str = "image") -> Figure:
    """Named values in nats against the latent size, each with its 95% interval, labelled at its end."""
    sizes = sorted({size for line in lines.values() for size in line})
    with style():
        figure = Figure(figsize=(WIDTH, 3.1), layout="constrained")
        ax = figure.subplots()
        for i, line in enumerate(lines.values()):
            at = sorted(line)
            ax.errorbar(
                at,
                [line[s].value for s in at],
                yerr=[INTERVAL * line[s].standard_error for s in at],
                color=SERIES[i % len(SERIES)],
                marker=MARKERS[i % len(MARKERS)],
                capsize=2.5,
                elinewidth=1,
            )
        ax.set_xscale("log", base=2)
        ax.set_xlim(sizes[0] / 1.15, sizes[-1] * 1.15)
        ax.set_ylim(bottom=min(0, ax.get_ylim()[0]))
        ax.set_xlabel(words("figure.axis.latent_size"))
        ax.set_ylabel(words(f"figure.axis.nats_{unit}"))
        localise(ax, words)
        ax.set_xticks(sizes, [str(s) for s in sizes])
        ax.set_xticks([], minor=True)
        last = [(max(line), line[max(line)].value) for line in lines.values()]
        chosen = [SERIES[i % len(SERIES)] for i in range(len(lines))]
        texts = [plain(name, 32) for name in lines]
        _label_ends(ax, [x for x, _ in last], [y for _, y in last], texts, chosen, height=2.3)
    return figure


def codes(
    z: NDArray[np.floating], labels: NDArray[np.integer] | None, classes: Sequence[str], words: Words
) -> Figure:
    """Codes of shape (n, latent_dim) as points on a plane, coloured and named by label where there are labels.

    One latent is drawn along one axis, one row a class; more than two on their first two principal components.
    """
    points, names = plane(np.asarray(z, np.float64), words)
    if points.shape[1] == 1:
        rows = np.zeros(len(points)) if labels is None else np.asarray(labels, np.float64)
        # Steps of the golden ratio fill a row evenly, and always in the same way.
        rows = rows + 0.7 * ((np.arange(len(points)) * 0.6180339887498949) % 1 - 0.5)
        points = np.column_stack([points[:, 0], rows])
    with style():
        figure = Figure(figsize=(HALF, 3.5), layout="constrained")
        ax = figure.subplots()
        size = float(np.clip(24_000 / len(points), 0.6, 12))
        alpha = 0.8 if len(points) < 5_000 else 0.6
        common: dict[str, Any] = {"s": size, "linewidths": 0, "alpha": alpha}
        if labels is None:
            ax.scatter(points[:, 0], points[:, 1], color=BLUE, **common)
        else:
            colours, norm = _class_colours(len(classes))
            ax.scatter(points[:, 0], points[:, 1], c=labels, cmap=colours, norm=norm, **common)
            _class_bar(figure, ax, classes, colours, norm, words)
            if len(names) == 2:
                _class_marks(ax, points, labels, classes)
        ax.set_xlabel(names[0])
        localise(ax, words)
        if len(names) == 2:
            ax.set_ylabel(names[1])
            ax.set_aspect("equal", adjustable="datalim")
            ax.locator_params(nbins=6)
        else:
            ax.set_yticks([])
    return figure


def plane(z: NDArray[np.float64], words: Words) -> tuple[NDArray[np.float64], list[str]]:
    """Codes on at most two axes, and the axes' names; the sign of a component makes its greatest weight positive."""
    latents = z.shape[1]
    if latents <= 2:
        return z, [words("figure.axis.latent", number=i + 1) for i in range(latents)]
    centred = z - z.mean(axis=0)
    variances, directions = np.linalg.eigh(centred.T @ centred / max(len(z) - 1, 1))
    first = directions[:, ::-1][:, :2]
    first = first * np.sign(first[np.abs(first).argmax(axis=0), [0, 1]])
    shares = 100 * variances[::-1][:2] / max(variances.sum(), 1e-30)
    return centred @ first, [
        words("figure.axis.component", number=i + 1, share=float(share)) for i, share in enumerate(shares)
    ]


def class_errors(
    errors: Mapping[str, NDArray[np.floating]],
    labels: NDArray[np.integer],
    classes: Sequence[str],
    words: Words,
    *,
    unit: str = "image",
) -> Figure:
    """Mean reconstruction error of each class with its 95% interval, a mark a model.

    Args:
        errors: nats of each example by model, shape (n,) each.
        labels: each example's class, shape (n,).
        classes: names of the labels; classes without examples are left out.
        words: the language.
        unit: "image" or "example".
    """
    present = [c for c in range(len(classes)) if (labels == c).any()]
    with style():
        figure = Figure(figsize=(HALF, max(1.6, 0.9 + 0.26 * len(present))), layout="constrained")
        ax = figure.subplots()
        shift = 0.16 if len(errors) > 1 else 0.0
        for i, (name, values) in enumerate(errors.items()):
            means, halves = class_means(values, labels, present)
            rows = np.arange(len(present)) + shift * (i - (len(errors) - 1) / 2)
            ax.errorbar(
                means,
                rows,
                xerr=halves,
                linestyle="none",
                marker=MARKERS[i % len(MARKERS)],
                color=SERIES[i % len(SERIES)],
                capsize=2,
                elinewidth=1,
                label=plain(name),
            )
        localise(ax, words)
        ax.set_yticks(range(len(present)), [plain(classes[c], 18) for c in present])
        ax.set_ylim(len(present) - 0.4, -0.6)
        ax.grid(axis="y", visible=False)
        for row in range(1, len(present)):
            ax.axhline(row - 0.5, color=LINE, linewidth=0.5, zorder=0)
        ax.tick_params(axis="y", length=0)
        ax.set_xlabel(words(f"figure.axis.reconstruction_{unit}"))
        ax.set_ylabel(words("figure.axis.class"))
        if len(errors) > 1:
            figure.legend(*ax.get_legend_handles_labels(), loc="outside upper right", ncols=min(len(errors), 3))
    return figure


def class_means(
    values: NDArray[np.floating], labels: NDArray[np.integer], present: Sequence[int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean of each class and half of its 95% interval; no interval (NaN) for a single example."""
    groups = [np.asarray(values, np.float64)[labels == c] for c in present]
    halves = [INTERVAL * g.std(ddof=1) / np.sqrt(len(g)) if len(g) > 1 else np.nan for g in groups]
    return np.array([g.mean() for g in groups]), np.array(halves)


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


def _epochs(ax: Any, words: Words) -> None:
    ax.set_xlabel(words("epoch"))
    localise(ax, words)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=5, min_n_ticks=1))


def _label_ends(
    ax: Any, x: Sequence[float], y: Sequence[float], texts: Sequence[str], colours: Sequence[str], *, height: float
) -> None:
    low, high = ax.get_ylim()
    # 11 points a line of text, in the axis' own units; the height is nearly that of the finished axes.
    placed = spread(np.asarray(y, np.float64), (high - low) * 11 / (72 * height))
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


def _class_colours(count: int) -> tuple[ListedColormap, BoundaryNorm]:
    if count <= len(CLASSES):
        chosen: list[Any] = list(CLASSES[: max(count, 1)])
    else:
        chosen = [matplotlib.colormaps["turbo"](i / (count - 1)) for i in range(count)]
    return ListedColormap(chosen), BoundaryNorm(np.arange(max(count, 1) + 1) - 0.5, max(count, 1))


def _class_bar(
    figure: Figure, ax: Any, classes: Sequence[str], colours: ListedColormap, norm: BoundaryNorm, words: Words
) -> None:
    from matplotlib.cm import ScalarMappable

    bar = figure.colorbar(ScalarMappable(norm, colours), ax=ax, pad=0.02, aspect=28)
    step = 1 + (len(classes) - 1) // 30
    ticks = list(range(0, len(classes), step))
    bar.set_ticks(ticks, labels=[plain(classes[t], 14) for t in ticks])
    bar.ax.tick_params(which="both", length=0)
    bar.ax.invert_yaxis()
    bar.ax.grid(False)
    bar.outline.set_visible(False)
    bar.ax.set_title(words("figure.axis.class"), fontsize=8, fontweight="normal", pad=5)


def _class_marks(ax: Any, points: NDArray[np.float64], labels: NDArray[np.integer], classes: Sequence[str]) -> None:
    if len(classes) > 30:
        return
    for c, name in enumerate(classes):
        group = points[labels == c]
        if len(group):
            ax.annotate(
                plain(name, 8),
                np.median(group, axis=0),
                ha="center",
                va="center",
                fontsize=9,
                fontweight="bold",
                color=INK,
                path_effects=[withStroke(linewidth=2.4, foreground="white")],
            )
