"""Codes on a plane, coloured by class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from latente.language.words import Words
from latente.report.figures.style import BLUE, CLASSES, HALF, INK, apart, localise, panels, plain

SQUARE = 3.6
"""Inches of a map with something below its points."""

MOST_CLASSES = 60
"""With more classes a figure of errors is longer than a page, and is left out."""


def codes(
    z: NDArray[np.floating],
    labels: NDArray[np.integer] | None,
    classes: Sequence[str],
    words: Words,
    *,
    under: tuple[NDArray[np.uint8], tuple[float, float, float, float]] | None = None,
) -> Figure:
    """Codes of shape (n, latent_dim) as points on a plane, coloured and named by label where there are labels.

    One latent is drawn along one axis, one row a class; more than two on their first two principal components.

    Args:
        z: the codes.
        labels: their classes, shape (n,).
        classes: the names of these.
        words: the language.
        under: an image below the points, and its left, right, lower and upper end; then it fills the panel, and no
            bar of colours stands beside it, for the names are on the map.
    """
    points, names = plane(np.asarray(z, np.float64), words)
    if points.shape[1] == 1:
        rows = np.zeros(len(points)) if labels is None else np.asarray(labels, np.float64)
        # Steps of the golden ratio fill a row evenly, and always in the same way.
        rows = rows + 0.7 * ((np.arange(len(points)) * 0.6180339887498949) % 1 - 0.5)
        points = np.column_stack([points[:, 0], rows])
    with panels(*((HALF, 3.5) if under is None else (SQUARE, SQUARE))) as (figure, (ax,)):
        size = float(np.clip((24_000 if under is None else 12_000) / len(points), 0.6, 12))
        alpha = 0.8 if len(points) < 5_000 else 0.6
        common: dict[str, Any] = {"s": size, "linewidths": 0, "alpha": alpha}
        if labels is None:
            ax.scatter(points[:, 0], points[:, 1], color=BLUE, **common)
        else:
            colours, norm = _class_colours(len(classes))
            ax.scatter(points[:, 0], points[:, 1], c=labels, cmap=colours, norm=norm, **common)
            if under is None:
                _class_bar(figure, ax, classes, colours, norm, words)
            if len(names) == 2:
                _class_marks(ax, points, labels, classes)
        ax.set_xlabel(names[0])
        localise(ax, words)
        if len(names) == 2:
            ax.set_ylabel(names[1])
            if under is None:
                ax.set_aspect("equal", adjustable="datalim")
            else:
                image, (left, right, low, high) = under
                ax.imshow(image, extent=(left, right, low, high), interpolation="nearest", zorder=0)
                ax.set(xlim=(left, right), ylim=(low, high))
                ax.grid(False)
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
    bar.set_label(words("figure.axis.class"))


def _class_marks(ax: Any, points: NDArray[np.float64], labels: NDArray[np.integer], classes: Sequence[str]) -> None:
    present = [c for c in range(len(classes)) if (labels == c).any()]
    if len(present) > 30:
        return
    medians = np.stack([np.median(points[labels == c], axis=0) for c in present])
    names = [plain(classes[c], 8) for c in present]
    # Points of print for each unit of the axes, which are about 3 by 3 inches and equally scaled.
    scale = 72 * 2.9 / max(float(np.ptp(points, axis=0).max()), 1e-30)
    widths = np.array([4 + 6.5 * len(n) for n in names])
    placed = apart(medians * scale, widths, 11.5) / scale
    halo = [withStroke(linewidth=2.4, foreground="white")]
    for name, at, true in zip(names, placed, medians, strict=True):
        if np.linalg.norm(at - true) * scale > 9:
            ax.plot(*np.stack([true, at]).T, color=INK, linewidth=0.7, path_effects=halo)
        ax.annotate(
            name, at, ha="center", va="center", fontsize=9, fontweight="bold", color=INK, path_effects=halo, zorder=5
        )
