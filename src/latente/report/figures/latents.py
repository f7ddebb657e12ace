"""What each latent is used for: its KL, its information, and how much its posterior mean varies."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from latente.language.words import Words
from latente.report.figures.style import BLUE, HALF, INK, INTERVAL, MUTED, ORANGE, WIDTH, Ticks, note, panels

WIDE = 24
"""More latents than this take the page's whole width."""

Floats = NDArray[np.floating]


def usage(
    variances: Floats,
    words: Words,
    *,
    kl: Floats | None = None,
    error: Floats | None = None,
    information: Floats | None = None,
    threshold: float,
) -> Figure:
    """What each latent does: its KL and its information in nats above, the variance of its posterior mean below.

    Latents stand in the order of their KL, of their information without one, or else of their variance; those below
    the threshold are hatched.

    Args:
        variances: of the posterior means, shape (latents,).
        words: the language.
        kl, error: the KL of each latent, and its standard error, shape (latents,); None where it is not known.
        information: the mutual information of each latent with the example's number, shape (latents,), or None.
        threshold: of the variance, below which a latent is unused.
    """
    variances = np.asarray(variances, np.float64)
    keys = next(v for v in (kl, information, variances) if v is not None)
    order = np.argsort(-np.asarray(keys, np.float64), kind="stable")
    at, used = np.arange(len(order)), variances[order] > threshold
    rows = 1 if kl is None and information is None else 2
    width = WIDTH if len(order) > WIDE else HALF
    with panels(width, 1.1 + 1.4 * rows, rows, sharex=True) as (figure, (*upper, low)):
        for top in upper:
            if kl is not None:
                _bars(top, at, np.asarray(kl)[order], used, None if error is None else INTERVAL * error[order])
            if information is not None:
                top.plot(
                    at, np.asarray(information)[order], linestyle="none", marker="D", markersize=3.5, color=INK,
                    clip_on=False, label=words("figure.usage.information"), zorder=4,
                )  # fmt: skip
            top.set_ylabel(words("figure.usage.kl" if kl is not None else "figure.usage.nats"))
            top.set_ylim(bottom=min(0.0, top.get_ylim()[0]))
            top.yaxis.set_major_formatter(Ticks(words))
            if information is not None and kl is not None:
                top.legend(loc="upper right")
        floor = max(1e-8, min(1e-4, float(np.min(variances[variances > 0], initial=1e-4))))
        shown = np.maximum(variances[order], floor)
        for chosen, colour, face in ((used, BLUE, BLUE), (~used, ORANGE, "white")):
            low.plot(at[chosen], shown[chosen], linestyle="none", marker="o", color=colour, markerfacecolor=face)
        low.axhline(threshold, color=MUTED, linestyle="--", linewidth=1)
        text = f"δ = {words.number(threshold, 'g')}"
        note(low, text, (1, threshold), (-2, 2), xycoords=("axes fraction", "data"), ha="right", color=INK)
        low.set_yscale("log")
        low.set_ylabel(words("figure.usage.variance"))
        low.set_xlabel(words("figure.axis.latents"))
        step = 1 + (len(order) - 1) // (48 if len(order) > WIDE else 24)
        low.set_xticks(at[::step], [str(j + 1) for j in order[::step]])
        low.set_xlim(-0.7, len(order) - 0.3)
    return figure


def _bars(ax: Any, at: NDArray[np.integer], heights: Floats, used: NDArray[np.bool_], errors: Floats | None) -> None:
    for chosen, colour, hatch in ((used, BLUE, None), (~used, ORANGE, "////")):
        ax.bar(
            at[chosen], heights[chosen], 0.75, color=colour if hatch is None else "white", edgecolor=colour,
            hatch=hatch, linewidth=0.8, zorder=2,
            yerr=None if errors is None else errors[chosen], error_kw={"elinewidth": 0.8, "ecolor": INK},
        )  # fmt: skip
