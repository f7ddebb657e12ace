"""The rate–distortion plane: what codes cost against what they lose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from latente.analysis.trained_models import TrainedModel, beta_families, trained_models
from latente.errors import SpecError
from latente.evaluation.evaluate import Metric
from latente.evaluation.run import Run
from latente.evaluation.scores.base import observation_scale
from latente.language.words import Words
from latente.report.figures.style import INK, MUTED, WIDTH, half_width, localise, look, note, panels, plain

LEAST = 3
"""Models that differ in β, from which there is a curve to draw."""


@dataclass(frozen=True)
class RatePoint:
    """A model in the plane.

    Attributes:
        label: what stands beside it.
        rate, distortion: KL(q(z | x) ‖ p(z)) and −E log p(x | z), in nats an example.
        seeds: over how many their errors are; with one they are over the examples.
    """

    label: str
    rate: Metric
    distortion: Metric
    seeds: int = 1

    @property
    def total(self) -> float:
        """rate + distortion: the negative ELBO, whatever weight the model was trained with."""
        return self.rate.value + self.distortion.value


def rate_distortion(runs: Sequence[Run], *, split: str = "test", lang: str | None = None) -> Figure:
    """The rate–distortion plane of any runs whose distortions are in the same units (Alemi et al. 2018,
    arXiv:1711.00464): models that differ in β alone are joined to a curve, and every other stands by itself.

    Args:
        runs: of models with a KL; those of one name are one model in several seeds.
        split: on which part.
        lang: "en" or "pt"; by default the user's locale.

    Raises:
        SpecError: no runs, a run without a KL, or runs whose distortions do not compare.
    """
    words = Words(lang)
    for run in runs:
        if run.model.prior.space == "any" or run.model.posterior.kind in ("point", "quantised"):
            raise SpecError(f"{run.spec.name}: has no rate, for its codes have no KL to a prior; leave it out")
        run.evaluate(split)
    scales = {observation_scale(r): r.spec.name for r in runs}
    if len(scales) != 1 or len({r.card["fingerprint"] for r in runs}) != 1:
        found = "; ".join(f"{name}: {scale}" for scale, name in scales.items()) or "no runs"
        raise SpecError(f"distortions compare on one data set and one scale only, and these are of more ({found})")
    trained = trained_models(runs)
    curves = families(trained)
    joined = {m.name for family in curves.values() for m in family}
    series = {name: points(family, split, words) for name, family in curves.items()}
    series |= {m.name: points([m], split, words, named=True) for m in trained if m.name not in joined}
    return plane(series, words, unit="image" if len(runs[0].model.shape) > 1 else "example")


def families(trained: Sequence[TrainedModel]) -> dict[str, list[TrainedModel]]:
    """The curves that there are to draw, by the latent size where that tells them apart, or by the first model."""
    found = beta_families(trained, LEAST)
    sizes = {f[0].latents for f in found}
    by_size = len(sizes) == len(found) > 1
    return {f"d = {f[0].latents}" if by_size else f[0].name: f for f in found}


def beta_curves(trained: Sequence[TrainedModel], split: str, words: Words) -> dict[str, list[RatePoint]]:
    """The curves of at least `LEAST` models that differ in β alone and were evaluated on the part."""
    found = {name: points(family, split, words) for name, family in families(trained).items()}
    return {name: line for name, line in found.items() if len(line) >= LEAST}


def points(models: Sequence[TrainedModel], split: str, words: Words, *, named: bool = False) -> list[RatePoint]:
    """Models in the plane, labelled by β or by name; those that were not evaluated on the part are left out."""
    found = []
    for model in models:
        rate, distortion = model.metric(split, "kl"), model.metric(split, "reconstruction")
        if rate is not None and distortion is not None:
            label = model.name if named or model.beta is None else f"β = {words.number(model.beta, 'g')}"
            found.append(RatePoint(label, rate, distortion, len(model.runs)))
    return found


def plane(series: Mapping[str, Sequence[RatePoint]], words: Words, *, unit: str = "image") -> Figure:
    """Distortion against rate, with 95% intervals, over lines of equal negative ELBO.

    Args:
        series: points by the name of their curve, in the order in which they are joined.
        words: the language.
        unit: "image" or "example", what the nats are counted for.
    """
    with panels(WIDTH, 3.6) as (figure, (ax,)):
        every = [p for line in series.values() for p in line]
        x, y = (np.array([getattr(p, k).value for p in every]) for k in ("rate", "distortion"))
        pads = [max(0.08 * (v.max() - v.min()), 0.02 * abs(v).max(), 1e-3) for v in (x, y)]
        left = x.min() - (2.2 if len(series) > 1 else 1.0) * pads[0]
        limits = [(left, x.max() + 2.2 * pads[0]), (y.min() - pads[1], y.max() + pads[1])]
        _equal_bounds(ax, limits, words)
        for i, (name, line) in enumerate(series.items()):
            ax.errorbar(
                [p.rate.value for p in line],
                [p.distortion.value for p in line],
                xerr=[half_width(p.rate.standard_error, p.seeds) for p in line],
                yerr=[half_width(p.distortion.standard_error, p.seeds) for p in line],
                linestyle="-" if len(line) > 1 else "none",
                elinewidth=1,
                capsize=2,
                label=plain(name),
                zorder=3,
                **look(i),
            )
            # Curves lie below each other mostly: labels of every second one stand on its other side.
            offset, side = ((6, 4), "left") if i % 2 == 0 else ((-6, -11), "right")
            colour = look(i)["color"] if len(series) > 1 else INK
            for p in line:
                note(ax, plain(p.label), (p.rate.value, p.distortion.value), offset, ha=side, zorder=4, color=colour)
        ax.set_xlim(*limits[0])
        ax.set_ylim(*limits[1])
        ax.set_xlabel(words(f"figure.rates.rate_{unit}"))
        ax.set_ylabel(words(f"figure.rates.distortion_{unit}"))
        localise(ax, words)
        if len(series) > 1:
            figure.legend(loc="outside upper right", ncols=len(series))
    return figure


def _equal_bounds(ax: Any, limits: Sequence[tuple[float, float]], words: Words) -> None:
    """Lines rate + distortion = constant: along each, models are as good by their ELBO. The value stands at its end."""
    (left, right), (bottom, top) = limits
    for level in MaxNLocator(nbins=10, steps=[1, 2, 5, 10]).tick_values(left + bottom, right + top):
        start = (left, level - left) if level - left <= top else (level - top, top)
        end = (right, level - right) if level - right >= bottom else (level - bottom, bottom)
        if start[0] >= end[0] or start[1] <= bottom:
            continue
        ax.plot(*zip(start, end, strict=True), color=MUTED, linewidth=0.7, linestyle=":", zorder=1)
        offset, side = ((-2, 2), "right") if end[1] > bottom else ((2, 2), "left")
        note(ax, words.number(float(level), "g"), end, offset, ha=side, va="bottom", color=MUTED, zorder=2)
