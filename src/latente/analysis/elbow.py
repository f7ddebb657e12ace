"""Which latent size is enough: the elbow of a curve over latent sizes, from values of each example and seed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latente.analysis.compare import OnScore, measure, values_of
from latente.analysis.open_runs import open_runs, share_data
from latente.analysis.power import TYPICAL, seeds_needed
from latente.analysis.ranking import refuse_test
from latente.analysis.trained_models import OpenedRun, Sweep, aligned, by_scale, distinct_models, sweeps
from latente.data.load import AnySource
from latente.data.split import PARTS, Data
from latente.errors import DataError, SpecError, unknown
from latente.evaluation.metrics.differences import from_parts, holm, mean_interval, parts_of
from latente.evaluation.metrics.intervals import LEVEL, Estimate, bonferroni, check_level
from latente.evaluation.run import Run
from latente.evaluation.scores import Score, scores
from latente.evaluation.scores.losses import KEPT, Distortion, Loss
from latente.evaluation.scores.nll import ImportanceBound
from latente.plain import as_text
from latente.spec import Part, got

SHARE = 0.05
"""How much of the gain from the smallest size to the best may be missing."""

FLAT = 0.05
"""A gain of at most so many standard deviations of the values over the examples is next to nothing.

It has the units of the values, and a constant in all of them, such as a density's, does not move it."""

State = Literal["small", "enough", "open"]

Shape = Literal["elbow", "falling", "flat", "unknown"]

Rows = NDArray[np.float64]


@dataclass(frozen=True)
class Size:
    """One latent size of a sweep.

    Attributes:
        latents: the size.
        mean: of its values, with an interval of its own that is not corrected; less is better.
        behind: mean − the best size's, paired, with intervals that hold together over the sizes, whichever is the best:
            they allow for the lowest mean having been sought in the same values.
        state: "small" where it is shown not to be enough, "enough" where it is shown to be, otherwise "open".
    """

    latents: int
    mean: Estimate
    behind: Estimate
    state: State


@dataclass(frozen=True, repr=False)
class Elbow:
    """Which size of a sweep is enough (see `find_elbow`).

    Attributes:
        sizes: smallest first.
        shape: "elbow": a size before the largest is enough, or the largest after one that is not worth as much;
            "falling": every size but the largest is too small, so that a still larger one may be better;
            "flat": the smallest is enough; "unknown": it cannot be told.
        chosen: the smallest size that is shown to be enough; None where the shape is unknown.
        possible: the sizes below it (or, where nothing is chosen, all) of which it cannot be told.
        best: the size of the lowest mean.
        gain: mean of the smallest size − the best's, with the interval of `Size.behind`.
        tolerance: how far behind the best a size may be and still be enough, in units of the values: as given, or
            its estimate ``share · gain``.
        share: of the gain; None where a tolerance was given.
        flat: how much the sweep may gain and still gain next to nothing, where no tolerance was given.
        seeds, examples: over how many of each the values were; aside: runs that were left aside, for not every size
            has their seed.
        seeds_needed: of one seed, with how many of each size the chosen one would be shown to be enough of the models
            too, if the spread over seeds is a typical one (`power.TYPICAL`); None where nothing is chosen, or where no
            number of seeds would do.
        level: 1 − the chance that a size is wrongly called enough, and that one is wrongly called too small.
        column, scale, split: which number of the models it is, what that means, and of which part of the data;
            models: their names, in the order of the sizes. Empty where only arrays are known.
    """

    sizes: tuple[Size, ...]
    shape: Shape
    chosen: int | None
    possible: tuple[int, ...]
    best: int
    gain: Estimate
    tolerance: float
    share: float | None
    flat: float
    seeds: int
    examples: int
    level: float
    aside: int = 0
    seeds_needed: int | None = None
    column: str = ""
    scale: str = ""
    split: str = ""
    models: tuple[str, ...] = ()

    def __repr__(self) -> str:
        verdict = "cannot be told" if self.chosen is None else f"{self.chosen} latents are enough"
        rows: list[tuple[str, object]] = [
            (f"{s.latents}", f"{s.mean.value:.4f}, {s.behind.value:.4f} behind ({s.state})") for s in self.sizes[:12]
        ]
        return as_text(f"elbow of {len(self.sizes)} sizes: {self.shape}, {verdict}", rows)

    def at(self, latents: int) -> Size:
        """The size of so many latents."""
        return next(s for s in self.sizes if s.latents == latents)

    def plot(self, *, lang: str | None = None) -> Any:
        """A matplotlib figure: the curve with its intervals, and how far each size is behind the best.

        Args:
            lang: "en" or "pt"; by default the user's locale.
        """
        import latente

        return latente.plot_elbow(self, lang)

    def _repr_png_(self) -> bytes:
        picture: bytes = self.plot()._repr_png_()
        return picture


def find_elbow(
    values: Mapping[int, ArrayLike], *, share: float = SHARE, tolerance: float | None = None, level: float = LEVEL
) -> Elbow:
    """The smallest latent size that is enough, with the certainty of saying so.

    Let μ_d be the mean at size d, where less is better, and μ* the lowest mean of the sweep. Size d is *enough* where

        μ_d − μ* ≤ share · (μ_smallest − μ*),

    that is, where no other size is better by more than a twentieth of what the sweep gains. The smallest size is enough
    where the sweep gains next to nothing: at most `FLAT` standard deviations of the values over the examples. If a
    tolerance is given, any size is enough where μ_d − μ* ≤ tolerance.

    A size is shown to be enough where μ_d − (1 − share) μ_t − share μ_smallest ≤ 0 (or μ_d − μ_t − tolerance ≤ 0) is
    shown for *every* size t: an intersection-union test (Berger 1982), for which the best size need not be known. It is
    shown to be too small where one of these contrasts is shown to be above 0 (Bonferroni over t). Each contrast is
    paired by example and seed (`latente.evaluation.metrics.differences.mean_difference`), and the p values are
    corrected for the number of sizes (Holm 1979): the chance that any size is wrongly called enough is at most
    1 − level, and so is the chance that any is wrongly called too small. A size that is neither is open.

    How far a size is behind the best, `Size.behind`, has an interval that allows for not knowing which size is the best
    (multiple comparisons with the best, Hsu 1981, two-sided). Each size that may be the best, by its own intervals, is
    taken for it in turn; the intervals of μ_d − μ* hold together for each (Bonferroni), and the one given reaches from
    their lowest end to their highest, none below zero.

    The smallest size that is shown to be enough is chosen. If that is the largest of the sweep, the curve is falling
    where all others are too small, for it has no elbow, and unknown where any of them is open. With several seeds all
    this covers other examples and other seeds; with one it holds for these trained models only.

    Args:
        values: for each latent size one value an example, shape (n,) or (seeds, n), examples and seeds in the same
            order in all; or, where only means are known, shape (seeds, 1). Nats an example, for instance.
        share: of the gain, in (0, 1).
        tolerance: in units of the values, at least 0, instead of a share.
        level: of all sizes together.

    Raises:
        DataError: fewer than two sizes, different shapes, or a single value a size.
        SpecError: a share, tolerance or level out of range.
    """
    check_level(level)
    if not 0 < share < 1:
        raise got("share", share, "a number above 0 and below 1, for instance 0.05")
    if tolerance is not None and not 0 <= tolerance < np.inf:
        raise got("tolerance", tolerance, "a number of at least 0, in units of the score")
    rows = _rows(values)
    smallest, largest = min(rows), max(rows)
    best = min(rows, key=lambda d: (rows[d].mean(), d))
    behind = _behind(rows, best, level)
    nothing = _nothing(rows)
    contrasts = _contrasts(rows, share, nothing if tolerance is None else tolerance, stated=tolerance is not None)
    states = _states(contrasts, 1 - level)
    left = share * behind[smallest].value if tolerance is None else float(tolerance)
    chosen: int | None = min((d for d in rows if states[d] == "enough"), default=None)
    shape: Shape = "elbow"
    if chosen == smallest:
        shape = "flat"
    elif chosen is None or (chosen == largest and any(states[d] == "open" for d in rows)):
        shape, chosen = "unknown", None
    elif chosen == largest:
        shape = "falling"
    below = [d for d in rows if chosen is None or d < chosen]
    first = next(iter(rows.values()))
    return Elbow(
        sizes=tuple(Size(d, mean_interval(rows[d], level=level), behind[d], states[d]) for d in rows),
        shape=shape,
        chosen=chosen,
        possible=tuple(d for d in below if states[d] != "small"),
        best=best,
        gain=behind[smallest],
        tolerance=left,
        flat=float(nothing.mean()),
        share=share if tolerance is None else None,
        seeds=first.shape[0],
        examples=first.shape[1],
        level=level,
        seeds_needed=None if chosen is None or len(first) > 1 else _needed(contrasts[chosen], len(rows), level),
    )


def _rows(values: Mapping[int, ArrayLike]) -> dict[int, Rows]:
    rows = {d: np.atleast_2d(np.asarray(values[d], np.float64)) for d in sorted(values)}
    if len(rows) < 2:
        raise DataError(f"elbow: got {len(rows)} latent sizes; allowed: at least 2")
    shapes = {r.shape for r in rows.values()}
    if len(shapes) > 1 or any(r.ndim != 2 for r in rows.values()):
        raise DataError(
            f"elbow: got shapes {sorted(shapes)}; allowed: one of [n] or [seeds, n], the same for every size"
        )
    if next(iter(shapes)) == (1, 1):
        raise DataError("elbow: got a single value a size; allowed: several examples or seeds")
    for latents, r in rows.items():
        if not np.isfinite(r).all():
            raise DataError(f"elbow: the values of latent size {latents} are not all finite")
    return rows


def _behind(rows: Mapping[int, Rows], best: int, level: float) -> dict[int, Estimate]:
    """How far each size is behind the best, whichever that is; the values are those behind the lowest mean."""
    single = bonferroni(len(rows) - 1, level=level)
    gaps = {of: {d: mean_interval(r - rows[of], level=single) for d, r in rows.items() if d != of} for of in rows}
    may = [of for of in rows if of == best or all(gap.high >= 0 for gap in gaps[of].values())]
    behind = {}
    for d in rows:
        ends = [gaps[of].get(d, Estimate(0.0, 0.0, 0.0)) for of in may]
        value = gaps[best][d].value if d != best else 0.0
        behind[d] = Estimate(value, max(0.0, min(e.low for e in ends)), max(e.high for e in ends))
    return behind


def _nothing(rows: Mapping[int, Rows]) -> Rows:
    """`FLAT` standard deviations over the examples, as values of each example whose mean that is, shape (n,).

    The standard deviation is estimated from the same examples as all else; its influence function is added, so that
    intervals over the examples allow for that.
    """
    each = np.mean([r.mean(axis=0) for r in rows.values()], axis=0)
    away = each - each.mean()
    deviation = float(np.sqrt(np.mean(away**2)))
    if deviation == 0:
        return np.zeros(len(each))
    found: Rows = FLAT * (deviation + (away**2 - deviation**2) / (2 * deviation))
    return found


def _contrasts(
    rows: Mapping[int, Rows], share: float, tolerance: Rows | float, *, stated: bool
) -> dict[int, list[Rows]]:
    """For each size the values whose means are all at most zero if it is enough."""
    first, found = min(rows), {}
    for d, own in rows.items():
        if stated or d == first:
            found[d] = [own - t - tolerance for k, t in rows.items() if k != d]
        else:
            # Against itself it is d's own gain over the smallest, which stands for t = smallest too.
            found[d] = [own - (1 - share) * t - share * rows[first] for k, t in rows.items() if k != first]
    return found


def _states(contrasts: Mapping[int, Sequence[Rows]], alpha: float) -> dict[int, State]:
    enough, small = [], []
    for each in contrasts.values():
        tails = [_tail(c) for c in each]
        enough.append(max(tails))
        small.append(min(1.0, len(tails) * min(1 - p for p in tails)))
    held, failed = holm(enough) <= alpha, holm(small) <= alpha
    return {d: "enough" if e else "small" if s else "open" for d, e, s in zip(contrasts, held, failed, strict=True)}


def _needed(contrasts: Sequence[Rows], sizes: int, level: float) -> int | None:
    """How many seeds would show of the models that all of these contrasts, each of one row, are below zero."""
    one_sided = 1 - 2 * (1 - level) / sizes
    found = []
    for (c,) in contrasts:
        deviation = float(c.std(ddof=1))
        error = deviation / len(c) ** 0.5
        found.append(seeds_needed(float(c.mean()), TYPICAL * deviation, error, level=one_sided))
    known = [n for n in found if n is not None]
    return max(known) if len(known) == len(found) else None


def _tail(rows: Rows) -> float:
    """One-sided p value of a mean of at least zero, against one below."""
    found = from_parts(float(rows.mean()), parts_of(rows))
    half = found.p_value / 2
    return half if found.estimate.value < 0 else 1 - half


def elbow(
    runs: Iterable[Any],
    score: Score | Part | None = None,
    *,
    split: str = "validation",
    share: float = SHARE,
    tolerance: float | None = None,
    level: float = LEVEL,
    data: Data | AnySource | None = None,
    on_score: OnScore | None = None,
) -> Elbow:
    """Which latent size is enough, of runs that differ in their latent size (see `find_elbow`).

    Args:
        runs: as `latente.compare` takes them; where there are several sweeps, the one of most sizes, and of equally
            many the first by name.
        score: by which number; its first that is better where it is less. By default the bound on the negative
            log-likelihood that all were scored by (that of the most codes), otherwise "nll"; for models without a
            density of codes the reconstruction error in nats.
        split: "validation", for it is a choice.
        share, tolerance, level: see `find_elbow`.
        data: what the runs were trained on, or where it is now, where it cannot be read again as it was.
        on_score: called while the score is worked out.

    Raises:
        SpecError: the test part; no two runs that differ in their latent size only; a score that has no number to
            minimise, or that the models do not share.
        StoreError, DataError: as `latente.compare`.
    """
    refuse_test(split, "choose a latent size")
    if split not in PARTS:
        raise DataError(unknown("split", split, PARTS))
    opened = open_runs(runs, data)
    found = sweeps(distinct_models(opened)[0])
    if not found:
        raise SpecError(
            "elbow: got no two models that differ in their latent size only; train them as a sweep, for instance with "
            "latent_dim = [2, 4, 8, 16] in a study file"
        )
    sweep = min(found, key=lambda models: (-len(models), [m.name for m in models]))
    if score is None:
        bound = ImportanceBound()
        made = known_score(sweep, split) or (bound if bound.scale(sweep[0].first) else Distortion())
    else:
        made = score if isinstance(score, Score) else scores.make(score)
    taken = [o for model in sweep for o in model.opened]
    if made not in KEPT:
        share_data(taken)
    measure(taken, [made], split, on_score)
    return elbow_of(sweep, made, split=split, share=share, tolerance=tolerance, level=level)


def known_score(sweep: Sweep, split: str = "validation") -> Score | None:
    """The score by which a sweep can be judged with nothing worked out; None where there is none.

    It is the bound on the NLL that all runs have, from as many codes as possible; otherwise the loss, where that is
    such a bound, or for models without a density of codes the reconstruction error.
    """
    runs = [r for model in sweep for r in model.runs]
    known = [set(r.measured.get(split, {})) for r in runs]
    made = [scores.make(m.score) for m in runs[0].measured.get(split, {}).values() if m.score]
    bounds = [s for s in made if isinstance(s, ImportanceBound) and all(s.key() in keys for keys in known)]
    if bounds:
        return max(bounds, key=lambda s: s.samples)
    first = sweep[0].first
    kept: Score = Distortion() if first.model.posterior.kind == "point" else Loss()
    if not all(r.known_examples(split) for r in runs):
        return None
    return kept if isinstance(kept, Distortion) or sweep[0].is_bound else None


def known_elbows(runs: Iterable[Run]) -> list[Elbow]:
    """The elbow of every sweep of a study that can be judged on validation with nothing worked out."""
    known = [(sweep, known_score(sweep)) for sweep in sweeps(distinct_models(map(OpenedRun, runs))[0])]
    return [elbow_of(sweep, score) for sweep, score in known if score is not None]


def elbow_of(
    sweep: Sweep,
    score: Score,
    *,
    split: str = "validation",
    share: float = SHARE,
    tolerance: float | None = None,
    level: float = LEVEL,
) -> Elbow:
    """As `elbow`, of a sweep whose score is known.

    It is over the seeds that all sizes have; where these are fewer than two and each size has more, it is over as many
    of each in their order, which is as valid and less sharp.

    Raises:
        SpecError: the score has no number to minimise, or means different things for its models.
    """
    column = next((c for c, lower in score.columns().items() if lower), None)
    if column is None:
        raise SpecError(f"elbow: {score.key()} has no number of which less is better; take nll, loss or mean-mse")
    scales = by_scale(sweep, score)
    for without in scales.get(None, ()):
        raise SpecError(f"elbow: {without.name} has no {score.key()}: {score.unsupported(without.first)}")
    if len(scales) > 1:
        raise SpecError(f"elbow: {score.key()} means different things for its models: {'; '.join(map(str, scales))}")
    values: dict[int, ArrayLike] = {}
    for model in aligned(sweep, 2):
        rows = values_of(model, score, split, column)
        values[model.latents] = model.over_seeds(split, column)[:, None] if rows is None else rows
    found = find_elbow(values, share=share, tolerance=tolerance, level=level)
    return dataclasses.replace(
        found,
        column=column,
        scale=next(iter(scales)) or "",
        split=split,
        models=tuple(m.name for m in sweep),
        aside=sum(len(m.runs) - found.seeds for m in sweep),
    )
