"""How every figure looks, and figures as bytes: equal figures give equal bytes, on every machine with our fonts.

Nothing global is touched: no pyplot, and matplotlib's settings are put back after each drawing.
"""

from __future__ import annotations

import io
import re
import unicodedata
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter
from numpy.typing import NDArray
from PIL import Image
from scipy.special import stdtrit

from latente.language.words import Words

WIDTH = 6.5
"""Inches across a page; a figure of half a page is `HALF` wide. No text is below 8 points at these sizes."""

HALF = 4.2

DPI = 200

COLOURS = 128

INTERVAL = 1.96
"""Standard errors on each side of a mean over examples in a 95% interval."""


def half_width(error: float, count: int = 0) -> float:
    """Half of a 95% interval from a standard error: over examples, or Student's over ``count`` seeds or values."""
    return float(stdtrit(count - 1, 0.975)) * error if count > 1 else INTERVAL * error


INK, MUTED, LINE = "#222222", "#5f6368", "#d9dce0"

BLUE, ORANGE, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#A6438C"

SERIES = (BLUE, ORANGE, GREEN, PURPLE, "#56B4E9", "#8C6D00", "#222222")
"""Okabe & Ito's colours, those too light for a line on white darkened."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X")

CLASSES = (
    *("#3862ec", "#edb532", "#632a07", "#053d3d", "#c3bbc5"),
    *("#7b697e", "#c56216", "#4b028f", "#2faefb", "#799a7c"),
)
"""Ten colours that stay apart with any colour vision, found by simulated annealing: the least CIEDE2000 between two of
them is 25 with full colour vision and above 16 with the three kinds of dichromacy (the test has the model). The first
ones are those that differ most."""

STYLE: dict[str, Any] = {
    "font.family": ["DejaVu Sans"],
    "font.size": 8.5,
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 8.5,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "legend.handlelength": 2.4,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.linewidth": 0.7,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": LINE,
    "grid.linewidth": 0.5,
    "lines.linewidth": 1.5,
    "lines.markersize": 4.5,
    "figure.dpi": 100,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    # Text as outlines: an SVG then looks the same where our font is missing, and cannot run anything a label holds.
    "svg.fonttype": "path",
    "svg.hashsalt": "latente",
}


@contextmanager
def style() -> Iterator[None]:
    """Our look, whatever the user's matplotlibrc says; everything is put back afterwards."""
    with matplotlib.rc_context(), warnings.catch_warnings():
        # Class names may hold characters that the font lacks; they are drawn as boxes.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        yield


@contextmanager
def panels(width: float, height: float, down: int = 1, across: int = 1, **shared: Any) -> Iterator[tuple[Figure, Any]]:
    """A figure of so many inches and its panels, row by row, to be drawn in our look."""
    with style():
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure, figure.subplots(down, across, squeeze=False, **shared).ravel()


def note(ax: Any, text: str, at: tuple[float, float], offset: tuple[float, float], **look: Any) -> None:
    """Write small text so many points beside a place in a panel."""
    ax.annotate(text, at, xytext=offset, textcoords="offset points", fontsize=8, **look)


def look(number: int) -> dict[str, str]:
    """The colour and the mark of the series of that number."""
    return {"color": SERIES[number % len(SERIES)], "marker": MARKERS[number % len(MARKERS)]}


def plain(text: str, limit: int = 24) -> str:
    """Text from data, fit for a figure: one line, at most ``limit`` characters, and no mathematics in its dollars."""
    line = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in text).strip()
    short = line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
    return short.replace("\\$", "$").replace("$", r"\$")


def svg(figure: Figure) -> bytes:
    """A figure as SVG."""
    out = io.BytesIO()
    with style():
        figure.savefig(out, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    # Comments repeat every text of the figure, for the benefit of nobody.
    return re.sub(rb"\s*<!--.*?-->", b"", out.getvalue(), flags=re.DOTALL)


def png(figure: Figure, dpi: int = DPI) -> bytes:
    """A figure as PNG of at most `COLOURS` colours, which knows its size in print."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    with style():
        figure.set_dpi(dpi)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        pixels = np.asarray(canvas.buffer_rgba())[:, :, :3]
    out = io.BytesIO()
    few_colours(np.ascontiguousarray(pixels)).save(out, "PNG", compress_level=9, dpi=(dpi, dpi))
    return out.getvalue()


def shown(figure: Figure) -> Figure:
    """The figure, drawn by a notebook without ``%matplotlib inline``, which matplotlib's own figures need."""
    figure._repr_png_ = lambda: png(figure, 110)  # type: ignore[attr-defined]
    return figure


def few_colours(pixels: NDArray[np.uint8]) -> Image.Image:
    """An image of shape (height, width, 3) with a palette of at most `COLOURS`; greys are spread evenly."""
    grey = pixels[:, :, 0]
    if np.array_equal(grey, pixels[:, :, 1]) and np.array_equal(grey, pixels[:, :, 2]):
        step = np.round(np.arange(COLOURS) * 255 / (COLOURS - 1)).astype(np.uint8)
        image = Image.fromarray(np.round(grey * ((COLOURS - 1) / 255)).astype(np.uint8))
        image.putpalette(np.repeat(step, 3).tobytes())
        return image
    return Image.fromarray(pixels).quantize(COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)


class Ticks(ScalarFormatter):
    """Tick labels with the language's decimal mark."""

    def __init__(self, words: Words) -> None:
        super().__init__(useOffset=False)
        self.words = words

    def __call__(self, x: float, pos: int | None = None) -> str:
        """One label."""
        text = str(super().__call__(x, pos))
        return text.replace(".", ",") if self.words.language == "pt" else text


def localise(axes: Any, words: Words) -> None:
    """Give both axes tick labels of the language."""
    axes.xaxis.set_major_formatter(Ticks(words))
    axes.yaxis.set_major_formatter(Ticks(words))


def latent_size_axis(axes: Any, sizes: Sequence[int], words: Words, margin: float) -> None:
    """Make the horizontal axis one of latent sizes, each with its tick, and some room on both sides."""
    axes.set_xscale("log", base=2)
    axes.set_xlim(sizes[0] / margin, sizes[-1] * margin)
    axes.set_xlabel(words("figure.axis.latent_size"))
    localise(axes, words)
    axes.set_xticks(sizes, [str(s) for s in sizes])
    axes.set_xticks([], minor=True)


def spread(at: NDArray[np.floating], gap: float, low: float = -np.inf) -> NDArray[np.float64]:
    """Positions near ``at``, in the same order, at least ``gap`` apart and not below ``low``: for labels of lines."""
    order = np.argsort(at, kind="stable")
    placed = np.asarray(at, np.float64)[order]
    for _ in range(200):
        placed[:1] = np.maximum(placed[:1], low)
        close = gap - np.diff(placed)
        push = np.where(close > 1e-9 * gap, close / 2, 0)
        if not push.any():
            break
        placed[:-1] -= push
        placed[1:] += push
    found = np.empty_like(placed)
    found[order] = np.maximum(placed, low + gap * np.arange(len(placed)))
    return found


def apart(points: NDArray[np.float64], widths: NDArray[np.float64], height: float) -> NDArray[np.float64]:
    """Centres of boxes of such ``widths`` and ``height``, near ``points`` of shape (n, 2), moved until none overlap."""
    placed = points.copy()
    for _ in range(300):
        moved = False
        for i in range(len(placed)):
            for j in range(i):
                step = placed[i] - placed[j]
                lap = np.array([(widths[i] + widths[j]) / 2, height]) - np.abs(step)
                if (lap > 1e-6).all():
                    # Along the axis where less is needed; ties and equal places go by their order.
                    axis = int(lap[1] <= lap[0])
                    push = lap[axis] / 2 * (1 if step[axis] >= 0 else -1)
                    placed[i, axis] += push
                    placed[j, axis] -= push
                    moved = True
        if not moved:
            break
    return placed
