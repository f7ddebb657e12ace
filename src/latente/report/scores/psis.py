"""Pareto smoothed importance sampling: how heavy the tails of the weights are, and whether they can be trusted."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from matplotlib.figure import Figure

from latente.analysis.conclusions.claims import Facts, Verdict, below
from latente.analysis.conclusions.registry import builtin
from latente.evaluation.likelihood.importance import RARE
from latente.evaluation.likelihood.pareto import limit
from latente.evaluation.measured import EACH, Measured
from latente.evaluation.metrics.influence import share
from latente.evaluation.metrics.intervals import Estimate
from latente.language.words import Words
from latente.report.figures.figure_file import FigureFile, as_svg
from latente.report.figures.style import BLUE, HALF, INK, localise, panels
from latente.report.scores.base import Scored, draws


def _samples(found: Measured) -> int:
    return int(found.key.removeprefix("psis_"))


def _tails(found: Measured) -> Facts | None:
    heavy = found.array(f"{EACH}{found.key}_heavy")
    if heavy is None:
        return None
    samples = _samples(found)
    return {"heavy": share([heavy]), "samples": samples, "tail": limit(samples), "rare": RARE}


@builtin(
    "LT503", "trusted-weights", "psis", _tails, severity="warning",
    holds={"heavy": Estimate(0.01, 0.0, 0.03), "samples": 1000, "tail": 0.67, "rare": RARE},
    fails={"heavy": Estimate(0.9, 0.85, 0.95), "samples": 1000, "tail": 0.67, "rare": RARE},
)  # fmt: skip
def trusted_weights(f: Facts) -> Verdict:
    """The smoothed estimate can be trusted: few examples have weights whose mean never settles."""
    return below(f["heavy"], f["rare"])


@draws("psis", 6)
def psis(shown: Scored) -> Iterator[FigureFile]:
    """A figure a model: the tail index of every example."""
    for model, kept in shown.kept:
        index, samples = kept.array(f"{EACH}{kept.key}_index"), _samples(kept)
        most = limit(samples)
        texts = shown.texts(
            "figure.psis", model, name=model.name, part=shown.part, samples=samples, limit=most,
            median=shown.number(np.median(index)), heavy=shown.percent(float((index > most).mean())),
        )  # fmt: skip
        yield as_svg(f"psis-{model.name}", histogram(index, most, shown.words), *texts, group=shown.name)


def histogram(index: np.ndarray, most: float, words: Words) -> Figure:
    """How many per cent of the examples have which tail index; the limit is a dashed line."""
    with panels(HALF, 2.8) as (figure, (ax,)):
        weights = np.full(len(index), 100 / len(index))
        ax.hist(index, bins=30, weights=weights, color=BLUE, alpha=0.7)
        ax.axvline(most, color=INK, linestyle="--", label=words("figure.psis.limit", limit=most))
        ax.set_xlabel(words("figure.psis.index"))
        ax.set_ylabel(words("figure.psis.share"))
        ax.legend()
        localise(ax, words)
    return figure
