"""What stands out in a study's losses, as rules: the sentences of the report's summary.

Differences between models are the comparison's (`latente.compare`), paired; without it they are as if every model had
had examples of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from latente.evaluation.findings.claims import Verdict, above, below
from latente.evaluation.findings.measures import Estimate
from latente.evaluation.findings.scored.base import Facts, Z, estimate, minus


@dataclass(frozen=True)
class Losses:
    """A model's losses, nats per example, with their intervals.

    Attributes:
        name, latents: of the model.
        test, train: losses; ``reconstruction`` its error on the test part.
        bounds: whether the loss is that of a model with a prior, the KL counted once.
    """

    name: str
    latents: int
    test: Estimate | None
    train: Estimate | None
    reconstruction: Estimate | None
    bounds: bool


@dataclass(frozen=True)
class Standing:
    """The models of a study.

    Attributes:
        models: their losses.
        one: whether all have one likelihood, so that their losses are the same quantity.
        pairs: with and without a prior, alike in all else.
        apart: how much a number ("loss", "reconstruction") of the second model is above the first's, by their names;
            None where it is not known.
    """

    models: tuple[Losses, ...]
    one: bool
    pairs: tuple[tuple[Losses, Losses], ...] = ()
    apart: Callable[[str, str, str], Estimate | None] = lambda first, second, number: None


@dataclass(frozen=True)
class Sentence:
    """A rule of the summary; attributes as of `latente.evaluation.findings.scored.Rule`, read once for each saying."""

    name: str
    read: Callable[[Standing], list[Facts]]
    judge: Callable[[Facts], Verdict]
    holds: Facts
    fails: Facts


summary: dict[str, Sentence] = {}


def sentence(
    name: str, read: Callable[[Standing], list[Facts]], *, holds: Facts, fails: Facts
) -> Callable[[Callable[[Facts], Verdict]], Callable[[Facts], Verdict]]:
    """Decorator: the function below judges what ``read`` reads."""

    def add(judge: Callable[[Facts], Verdict]) -> Callable[[Facts], Verdict]:
        summary[name] = Sentence(name, read, judge, holds, fails)
        return judge

    return add


def summarise(standing: Standing) -> list[tuple[str, Verdict, Facts]]:
    """Every sentence that can be said, with its verdict and numbers."""
    return [(s.name, s.judge(facts), facts) for s in summary.values() for facts in s.read(standing)]


Of = tuple[Losses, Estimate]


def _above(standing: Standing, number: str, first: Of, second: Of) -> Estimate:
    """How much the second's number is above the first's."""
    known = standing.apart(first[0].name, second[0].name, number)
    return minus(second[1], first[1]) if known is None else known


def _lowest(standing: Standing, number: str, among: Sequence[tuple[Losses, Estimate | None]]) -> list[Facts]:
    found = sorted(((value, model) for model, value in among if value is not None), key=lambda f: f[0].value)
    if len(found) < 2:
        return []
    (best, model), (second, other) = found[:2]
    error = (best.high - best.low) / (2 * Z)
    return [
        {"name": model.name, "latents": model.latents, "value": best.value, "error": error, "second": other.name,
         "behind": _above(standing, number, (model, best), (other, second))}
    ]  # fmt: skip


def _losses(standing: Standing) -> list[Facts]:
    return _lowest(standing, "loss", [(m, m.test) for m in standing.models if m.bounds]) if standing.one else []


_BEST: Facts = {"name": "a", "latents": 8, "value": 100.0, "error": 0.5, "second": "b", "behind": Estimate(9, 8, 10)}
_EQUAL: Facts = {**_BEST, "behind": Estimate(0, 0, 0)}


@sentence("loss", _losses, holds=_BEST, fails=_EQUAL)
def loss(f: Facts) -> Verdict:
    """One model with a prior has the lowest test loss, by more than the interval of the difference to the next."""
    return above(estimate(f, "behind"), 0)


def _reconstructions(standing: Standing) -> list[Facts]:
    return _lowest(standing, "reconstruction", [(m, m.reconstruction) for m in standing.models]) if standing.one else []


@sentence("reconstruction", _reconstructions, holds=_BEST, fails=_EQUAL)
def reconstruction(f: Facts) -> Verdict:
    """One model has the lowest reconstruction error of all, by more than the interval of the difference to the next."""
    return above(estimate(f, "behind"), 0)


def _widest(standing: Standing) -> tuple[Losses, Estimate] | None:
    gaps = [(m, minus(m.test, m.train)) for m in standing.models if m.test is not None and m.train is not None]
    return max(gaps, key=lambda g: g[1].value) if gaps else None


def _share(standing: Standing) -> list[Facts]:
    found = _widest(standing)
    # A density may be above one, so that a loss may be negative and a share of it without meaning.
    if found is None or found[0].train is None or found[0].train.value <= 0:
        return []
    model, gap = found
    assert model.train is not None
    return [{"name": model.name, "gap": gap, "percent": 100 * gap.value / model.train.value}]


@sentence(
    "gap", _share,
    holds={"name": "a", "gap": Estimate(5, 4, 6), "percent": 5.0},
    fails={"name": "a", "gap": Estimate(-5, -6, -4), "percent": -5.0},
)  # fmt: skip
def gap(f: Facts) -> Verdict:
    """Of the model with the greatest gap, the test loss is above the training loss."""
    return above(estimate(f, "gap"), 0)


def _plain(standing: Standing) -> list[Facts]:
    found = _widest(standing)
    return [] if found is None or _share(standing) else [{"name": found[0].name, "gap": found[1]}]


@sentence(
    "gap_plain", _plain,
    holds={"name": "a", "gap": Estimate(5, 4, 6)}, fails={"name": "a", "gap": Estimate(-5, -6, -4)},
)  # fmt: skip
def gap_plain(f: Facts) -> Verdict:
    """The same where a share of the training loss means nothing."""
    return above(estimate(f, "gap"), 0)


def _pairs(standing: Standing) -> list[Facts]:
    return [
        {"name": theirs.name, "other": ours.name, "latents": ours.latents,
         "less": _above(standing, "reconstruction", (ours, ours.reconstruction), (theirs, theirs.reconstruction))}
        for ours, theirs in standing.pairs
        if ours.reconstruction is not None and theirs.reconstruction is not None
    ]  # fmt: skip


@sentence(
    "pair", _pairs,
    holds={"name": "ae", "other": "vae", "latents": 8, "less": Estimate(-9, -10, -8)},
    fails={"name": "ae", "other": "vae", "latents": 8, "less": Estimate(9, 8, 10)},
)  # fmt: skip
def pair(f: Facts) -> Verdict:
    """Without a prior the reconstruction error is lower than with one, all else alike."""
    return below(estimate(f, "less"), 0)
