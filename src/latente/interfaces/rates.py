"""Figures of rates: the rate–distortion plane, and what each latent's share of the rate is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from latente.errors import SpecError
from latente.evaluation.evaluate import Metric
from latente.evaluation.roles import Model, signature
from latente.evaluation.run import Run
from latente.evaluation.scores.base import told
from latente.evaluation.scores.nll import measured_of
from latente.interfaces import lineup
from latente.interfaces.drawing import (
    BLUE,
    HALF,
    INK,
    INTERVAL,
    MARKERS,
    MUTED,
    ORANGE,
    SERIES,
    WIDTH,
    Ticks,
    half_width,
    localise,
    plain,
    style,
)
from latente.interfaces.lineup import Trained
from latente.interfaces.numbers import digits, number
from latente.interfaces.picture import Picture, as_svg
from latente.interfaces.words import Words, default_language

LEAST = 3
"""Models that differ in β, from which there is a curve to draw."""
WIDE = 24
"""More latents than this take the page's whole width."""

Floats = NDArray[np.floating]


@dataclass(frozen=True)
class Point:
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
    words = Words(lang or default_language())
    for run in runs:
        if run.model.prior.space == "any" or run.model.posterior.kind in ("point", "quantised"):
            raise SpecError(f"{run.spec.name}: has no rate, for its codes have no KL to a prior; leave it out")
        run.evaluate(split)
    scales = {measured_of(r) + told(r): r.spec.name for r in runs}
    if len(scales) != 1 or len({r.card["fingerprint"] for r in runs}) != 1:
        found = "; ".join(f"{name}: {scale}" for scale, name in scales.items()) or "no runs"
        raise SpecError(f"distortions compare on one data set and one scale only, and these are of more ({found})")
    trained = lineup.models(runs)
    curves = families(trained)
    joined = {m.name for family in curves.values() for m in family}
    series = {name: points(family, split, words) for name, family in curves.items()}
    series |= {m.name: points([m], split, words, named=True) for m in trained if m.name not in joined}
    return plane(series, words, unit="image" if len(runs[0].model.shape) > 1 else "example")


def families(trained: Sequence[Trained], least: int = LEAST) -> dict[str, list[Trained]]:
    """Models that differ in nothing but β, by the name of the first, smallest β first; those of fewer than ``least``
    values are none."""
    groups: dict[str, dict[float, Trained]] = {}
    for model in trained:
        beta = Model(model.runs).beta
        if beta is not None and model.has_prior:
            groups.setdefault(signature(model.first, "objective"), {}).setdefault(beta, model)
    whole = [[m for _, m in sorted(group.items())] for group in groups.values() if len(group) >= least]
    return {_family(family, whole): family for family in whole}


def _family(family: Sequence[Trained], whole: Sequence[Sequence[Trained]]) -> str:
    """By the latent size, where that tells families apart; otherwise by the first model."""
    sizes = [f[0].latents for f in whole]
    return f"d = {family[0].latents}" if len(set(sizes)) == len(sizes) > 1 else family[0].name


def points(models: Sequence[Trained], split: str, words: Words, *, named: bool = False) -> list[Point]:
    """Models in the plane, labelled by β or by name; those that were not evaluated on the part are left out."""
    found = []
    for model in models:
        rate, distortion = model.metric(split, "kl"), model.metric(split, "reconstruction")
        if rate is not None and distortion is not None:
            beta = Model(model.runs).beta
            label = model.name if named or beta is None else f"β = {words.number(beta, 'g')}"
            found.append(Point(label, rate, distortion, len(model.runs)))
    return found


def plane(series: Mapping[str, Sequence[Point]], words: Words, *, unit: str = "image") -> Figure:
    """Distortion against rate, with 95% intervals, over lines of equal negative ELBO.

    Args:
        series: points by the name of their curve, in the order in which they are joined.
        words: the language.
        unit: "image" or "example", what the nats are counted for.
    """
    with style():
        figure = Figure(figsize=(WIDTH, 3.6), layout="constrained")
        ax = figure.subplots()
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
                color=SERIES[i % len(SERIES)],
                marker=MARKERS[i % len(MARKERS)],
                linestyle="-" if len(line) > 1 else "none",
                elinewidth=1,
                capsize=2,
                label=plain(name),
                zorder=3,
            )
            # Curves lie below each other mostly: labels of every second one stand on its other side.
            offset, side = ((6, 4), "left") if i % 2 == 0 else ((-6, -11), "right")
            for p in line:
                ax.annotate(
                    plain(p.label), (p.rate.value, p.distortion.value), xytext=offset, ha=side,
                    textcoords="offset points", fontsize=8, zorder=4,
                    color=SERIES[i % len(SERIES)] if len(series) > 1 else INK,
                )  # fmt: skip
        ax.set_xlim(*limits[0])
        ax.set_ylim(*limits[1])
        ax.set_xlabel(words(f"figure.rates.rate_{unit}"))
        ax.set_ylabel(words(f"figure.rates.distortion_{unit}"))
        localise(ax, words)
        if len(series) > 1:
            figure.legend(loc="outside upper right", ncols=len(series))
    return figure


def _equal_bounds(ax: object, limits: Sequence[tuple[float, float]], words: Words) -> None:
    """Lines rate + distortion = constant: along each, models are as good by their ELBO. The value stands at its end."""
    (left, right), (bottom, top) = limits
    for level in MaxNLocator(nbins=10, steps=[1, 2, 5, 10]).tick_values(left + bottom, right + top):
        start = (left, level - left) if level - left <= top else (level - top, top)
        end = (right, level - right) if level - right >= bottom else (level - bottom, bottom)
        if start[0] >= end[0] or start[1] <= bottom:
            continue
        ax.plot(*zip(start, end, strict=True), color=MUTED, linewidth=0.7, linestyle=":", zorder=1)  # type: ignore[attr-defined]
        ax.annotate(  # type: ignore[attr-defined]
            words.number(float(level), "g"), end, xytext=(-2, 2) if end[1] > bottom else (2, 2),
            ha="right" if end[1] > bottom else "left", textcoords="offset points", va="bottom", fontsize=8,
            color=MUTED, zorder=2,
        )  # fmt: skip


def pictures(trained: Sequence[Trained], words: Words, *, unit: str, split: str = "test") -> Iterator[Picture]:
    """The plane of the models of a study that differ in β alone, where there are `LEAST` or more."""
    series = {name: points(family, split, words) for name, family in families(trained).items()}
    series = {name: line for name, line in series.items() if len(line) >= LEAST}
    if not series:
        return
    part = words(f"report.part.{split}")
    best = min((p for line in series.values() for p in line), key=lambda p: p.total)
    seeds = max(len(m.runs) for m in trained)
    caption = words("figure.rates.caption", part=part)
    if seeds > 1:
        caption += " " + words("figure.rates.seeds", seeds=seeds)
    lines = [
        words("figure.rates.alt_line", name=name, points=words.joined([_said(p, words) for p in line]))
        for name, line in series.items()
    ]
    alt = words(
        f"figure.rates.alt_{unit}", lines=" ".join(lines), best=best.label, total=_nats(best.total, best, words)
    )
    yield as_svg("rate-distortion", plane(series, words, unit=unit), caption, alt, group="rates", wide=True)


def _said(point: Point, words: Words) -> str:
    return words(
        "figure.rates.alt_point",
        label=point.label,
        rate=_nats(point.rate.value, point, words),
        distortion=_nats(point.distortion.value, point, words),
    )


def _nats(value: float, point: Point, words: Words) -> str:
    return number(words, value, min(2, digits([point.rate.standard_error, point.distortion.standard_error])))


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
    with style():
        figure = Figure(figsize=(WIDTH if len(order) > WIDE else HALF, 1.1 + 1.4 * rows), layout="constrained")
        panels = figure.subplots(rows, 1, sharex=True, squeeze=False)[:, 0]
        if rows == 2:
            top = panels[0]
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
        low = panels[-1]
        floor = max(1e-8, min(1e-4, float(np.min(variances[variances > 0], initial=1e-4))))
        shown = np.maximum(variances[order], floor)
        for chosen, colour, face in ((used, BLUE, BLUE), (~used, ORANGE, "white")):
            low.plot(at[chosen], shown[chosen], linestyle="none", marker="o", color=colour, markerfacecolor=face)
        low.axhline(threshold, color=MUTED, linestyle="--", linewidth=1)
        low.annotate(
            f"δ = {words.number(threshold, 'g')}", (1, threshold), xycoords=("axes fraction", "data"),
            xytext=(-2, 2), textcoords="offset points", ha="right", fontsize=8, color=INK,
        )  # fmt: skip
        low.set_yscale("log")
        low.set_ylabel(words("figure.usage.variance"))
        low.set_xlabel(words("figure.axis.latents"))
        step = 1 + (len(order) - 1) // (48 if len(order) > WIDE else 24)
        low.set_xticks(at[::step], [str(j + 1) for j in order[::step]])
        low.set_xlim(-0.7, len(order) - 0.3)
    return figure


def _bars(ax: object, at: NDArray[np.integer], heights: Floats, used: NDArray[np.bool_], errors: Floats | None) -> None:
    for chosen, colour, hatch in ((used, BLUE, None), (~used, ORANGE, "////")):
        ax.bar(  # type: ignore[attr-defined]
            at[chosen], heights[chosen], 0.75, color=colour if hatch is None else "white", edgecolor=colour,
            hatch=hatch, linewidth=0.8, zorder=2,
            yerr=None if errors is None else errors[chosen], error_kw={"elinewidth": 0.8, "ecolor": INK},
        )  # fmt: skip
