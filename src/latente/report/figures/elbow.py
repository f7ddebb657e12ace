"""Which latent size is enough, as a figure: the curve, and how far each size is behind the best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from latente.analysis.elbow import Elbow
from latente.language.words import Words
from latente.report.figures.style import BLUE, INK, MUTED, ORANGE, WIDTH, latent_size_axis, note, panels, plain, shown
from latente.report.tables.names import number_title
from latente.report.tables.numbers import digits, in_nats, number

REACH = 3.0
"""The right panel shows up to so many times what may be missing."""

RING: dict[str, Any] = {
    "marker": "o",
    "markersize": 11,
    "markerfacecolor": "none",
    "markeredgecolor": ORANGE,
    "markeredgewidth": 1.6,
}

PAPER: dict[str, Any] = {
    "ha": "center", "va": "top", "color": INK,
    "bbox": {"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none"},
}  # fmt: skip


def plot_elbow(found: Elbow, lang: str | None = None) -> Figure:
    """The curve with its intervals, and how far each size is behind the best, the chosen one marked.

    Args:
        found: what `latente.elbow` returned.
        lang: "en" or "pt"; by default the user's locale.

    Raises:
        SpecError: another language.
    """
    return shown(draw(found, Words(lang)))


def draw(found: Elbow, words: Words) -> Figure:
    """As `plot_elbow`, in the words of one language."""
    sizes = [s.latents for s in found.sizes]
    limit = found.flat if found.share is not None and found.shape == "flat" else found.tolerance
    with panels(WIDTH, 3.0, 1, 2) as (made, (left, right)):
        _bars(left, sizes, [s.mean for s in found.sizes])
        _bars(right, sizes, [s.behind for s in found.sizes])
        unit = "_nats" if in_nats(found.column) else ""
        part = words(f"report.part.{found.split}") if found.split else ""
        left.set_ylabel(
            words(f"compare.elbow.axis{unit}", column=plain(number_title(found.column, words), 32), part=part)
        )
        right.set_ylabel(words(f"compare.elbow.behind{unit}"))
        _zoom(right, found, limit, words)
        for ax, values in ((left, [s.mean.value for s in found.sizes]), (right, [s.behind.value for s in found.sizes])):
            latent_size_axis(ax, sizes, words, 1.3)
            if found.chosen is not None:
                at = sizes.index(found.chosen)
                ax.plot([found.chosen], [values[at]], clip_on=False, **RING)
        keys = []
        if found.chosen is not None:
            keys.append(Line2D([], [], linestyle="", **RING, label=words("compare.elbow.chosen", size=found.chosen)))
        if limit > 0:
            said = words("compare.elbow.limit", value=number(words, limit, digits([limit])))
            keys.append(Line2D([], [], color=ORANGE, linewidth=1, linestyle="--", label=said))
        made.legend(handles=keys, loc="outside upper right", ncols=2)
    return made


def _bars(ax: Any, sizes: Sequence[int], values: Sequence[Any]) -> None:
    middle, below, above = zip(*((v.value, v.value - v.low, v.high - v.value) for v in values), strict=True)
    ax.errorbar(sizes, middle, yerr=[below, above], color=BLUE, marker="o", capsize=2.5, elinewidth=1)


def _zoom(ax: Any, found: Elbow, limit: float, words: Words) -> None:
    """Show what is near the limit; say of the others how far up they are."""
    near = [s for s in found.sizes if s.behind.value <= REACH * limit]
    ends = [e for s in near for e in (s.behind.low, s.behind.high)]
    top = max([REACH * limit, *(e for e in ends if e < 2 * REACH * limit)])
    low = max(min([0.0, *ends]), -REACH * limit)
    if len(near) < len(found.sizes) and top > low:
        ax.set_ylim(low - 0.08 * (top - low), top + 0.12 * (top - low))
        for size in found.sizes:
            if size not in near:
                text = "↑ " + number(words, size.behind.value, digits([size.behind]))
                note(ax, text, (size.latents, 1), (0, -2), xycoords=("data", "axes fraction"), **PAPER)
    ax.axhline(0, color=MUTED, linewidth=0.7)
    if limit > 0:
        ax.axhline(limit, color=ORANGE, linewidth=1, linestyle="--")
