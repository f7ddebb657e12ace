"""What stands out in any study, as rules over its models side by side (`standing` has the numbers).

Differences between models are those of the comparison (`latente.compare`), paired by example, with its intervals; where
it has none, they are taken as if each model had been given examples of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from latente.analysis.compare import Contrast
from latente.analysis.conclusions.claims import Claim, Facts, Verdict, above, below
from latente.analysis.conclusions.registry import STUDY, builtin, claims_about
from latente.analysis.elbow import Elbow
from latente.analysis.ranking import PairedDifference
from latente.analysis.trained_models import TrainedModel
from latente.evaluation.likelihood.collapse import THRESHOLD
from latente.evaluation.metrics.intervals import Estimate, Z, bonferroni, corrected, minus


@dataclass(frozen=True)
class Losses:
    """A model's losses, nats per example, with their intervals.

    Attributes:
        name, latents: of the model.
        test: the loss on the test part; ``reconstruction`` its error there.
        gap: how much the test loss is above the training loss.
        scale, distortion: what the loss and the reconstruction error measure: those of two models compare where these
            are equal, and with none where it is "".
        what: the loss, a `Message` where it is to be said in words.
        rise, fall: how far the validation loss ends above its lowest, and how far it fell over the last quarter of the
            epochs, in percent of its whole fall; None below `measures.EPOCHS` epochs.
        epochs: how many there were, the mean over seeds.
        idle: how many latents are shown to do nothing, of how many it cannot be told, and how many there are; None of a
            model without a KL.
    """

    name: str
    latents: int
    test: Estimate | None
    reconstruction: Estimate | None
    gap: Estimate | None
    scale: str = ""
    distortion: str = ""
    what: str = ""
    rise: Estimate | None = None
    fall: Estimate | None = None
    epochs: float = 0.0
    idle: tuple[int, int, int] | None = None


@dataclass(frozen=True)
class Against:
    """A model beside a baseline; nats or squared errors a value, of the test part, where less is better.

    Attributes:
        name, latents: of the model.
        own, other: the two numbers.
        less: own − other, paired by example, with an interval that holds together with those of all models.
        count: how many models these are.
    """

    name: str
    latents: int
    own: float
    other: float
    less: Estimate
    count: int


@dataclass(frozen=True)
class Standing:
    """The models of a study.

    Attributes:
        models: their losses.
        pairs: with and without a prior, alike in all else.
        mean, pca, marginal: the models beside the training mean, as many principal components, and a model of each
            value by itself (`latente.analysis.baselines`).
        trained: the models themselves, for rules of one's own.
        sizes: the judged sweeps over latent sizes.
        closest: the difference of the best two models, by their losses on the test part; None without two.
        seeds: the fewest of a model.
        comparisons: how many the report's table of paired differences has, for which their intervals are corrected.
        contrast: gives how far a number ("loss", "reconstruction") of the second model is above that of the first, by
            the models' names; None where it is not known.
    """

    models: tuple[Losses, ...]
    pairs: tuple[tuple[Losses, Losses], ...] = ()
    comparisons: int = 1
    trained: tuple[TrainedModel, ...] = ()
    mean: tuple[Against, ...] = ()
    pca: tuple[Against, ...] = ()
    marginal: tuple[Against, ...] = ()
    sizes: tuple[Elbow, ...] = ()
    closest: PairedDifference | None = None
    seeds: int = 1
    contrast: Callable[[str, str, str], Contrast | None] = lambda first, second, number: None


def summarise(standing: Standing) -> list[Claim]:
    """Every sentence that can be said, with its verdict and numbers."""
    return claims_about(STUDY, standing)


Of = tuple[Losses, Estimate]


def _above(standing: Standing, number: str, first: Of, second: Of, times: int) -> tuple[Estimate, int]:
    """How much the second's number is above the first's, and for how many comparisons its interval is corrected.

    It is that of the table of paired differences, so that no two places of a report give two intervals for one pair.
    """
    known = standing.contrast(first[0].name, second[0].name, number)
    if known is None:
        return corrected(minus(second[1], first[1]), times), times
    times = max(times, standing.comparisons)
    return known.difference(level=bonferroni(times)).estimate, times


def _lowest(
    number: str, value: Callable[[Losses], Estimate | None], scale: Callable[[Losses], str]
) -> Callable[[Standing], list[Facts]]:
    """A reader of the lowest "loss" or "reconstruction" on each scale that two or more models share."""

    def lowest(standing: Standing, among: list[Of]) -> Facts:
        (model, best), *others = sorted(among, key=lambda f: (f[1].value, f[0].name))
        # It was chosen for being the lowest, so that all differences count; the one that is shown is the least clear.
        behind = [(*_above(standing, number, (model, best), other, len(others)), other[0].name) for other in others]
        closest, times, second = min(behind, key=lambda b: (b[0].low, b[2]))
        error = (best.high - best.low) / (2 * Z)
        return {
            "name": model.name, "latents": model.latents, "value": best.value, "error": error, "second": second,
            "behind": closest, "count": len(among), "what": model.what, "among": times,
        }  # fmt: skip

    def read(standing: Standing) -> list[Facts]:
        groups: dict[str, list[Of]] = {}
        for model in standing.models:
            known = value(model)
            groups.setdefault(scale(model), []).extend([] if known is None else [(model, known)])
        return [lowest(standing, among) for scale, among in groups.items() if scale and len(among) > 1]

    return read


_BEST: Facts = {
    "name": "vae-16", "latents": 16, "value": 100.0, "error": 0.5, "second": "vae-8", "behind": Estimate(9, 8, 10),
    "count": 3, "what": "ELBO", "among": 3,
}  # fmt: skip

_EQUAL: Facts = {**_BEST, "behind": Estimate(0, 0, 0)}


@builtin(
    "LT401", "best-loss", STUDY, _lowest("loss", lambda m: m.test, lambda m: m.scale),
    several=True, holds=_BEST, fails=_EQUAL,
)  # fmt: skip
def loss(f: Facts) -> Verdict:
    """Among models whose losses measure one quantity, one has a lower test loss than each of the others."""
    return above(f["behind"], 0)


@builtin(
    "LT402", "best-reconstruction", STUDY,
    _lowest("reconstruction", lambda m: m.reconstruction, lambda m: m.distortion),
    several=True, holds=_BEST, fails=_EQUAL,
)  # fmt: skip
def reconstruction(f: Facts) -> Verdict:
    """Among models whose errors measure one quantity, one has a lower test error than each of the others."""
    return above(f["behind"], 0)


def _widest(standing: Standing) -> list[Facts]:
    gaps = [(m.gap, m.name) for m in standing.models if m.gap is not None]
    if not gaps:
        return []
    # One of several gaps is shown for being wide: its interval holds together with the others'.
    gap, name = max(((corrected(g, len(gaps)), name) for g, name in gaps), key=lambda g: (g[0].low, g[1]))
    return [{"name": name, "gap": gap, "count": len(gaps)}]


@builtin("LT102", "gap", STUDY, _widest, several=True, found="holds",
    holds={"name": "vae-16", "gap": Estimate(5, 4, 6), "count": 3},
    fails={"name": "vae-16", "gap": Estimate(-5, -6, -4), "count": 3},
)  # fmt: skip
def gap(f: Facts) -> Verdict:
    """The test loss is above the training loss, of the model for which that is clearest."""
    return above(f["gap"], 0)


def _pairs(standing: Standing) -> list[Facts]:
    known = [
        (ours, a, theirs, b)
        for ours, theirs in standing.pairs
        if (a := ours.reconstruction) is not None and (b := theirs.reconstruction) is not None
    ]
    found: list[Facts] = []
    for ours, a, theirs, b in known:
        less, times = _above(standing, "reconstruction", (ours, a), (theirs, b), len(known))
        found.append({"name": theirs.name, "other": ours.name, "latents": ours.latents, "less": less, "among": times})
    return found


@builtin("LT403", "pair", STUDY, _pairs, several=True,
    holds={"name": "ae-8", "other": "vae-8", "latents": 8, "less": Estimate(-9, -10, -8), "among": 3},
    fails={"name": "ae-8", "other": "vae-8", "latents": 8, "less": Estimate(9, 8, 10), "among": 3},
)  # fmt: skip
def pair(f: Facts) -> Verdict:
    """Without a prior the reconstruction error is lower than with one, all else alike."""
    return below(f["less"], 0)


RISES = 1.0
"""A validation loss rises again where it ends so many percent of its whole fall above its lowest."""

FALLS = 1.0
"""It still falls where it fell so many percent of its whole fall over the last quarter of the epochs."""


def _course(number: Callable[[Losses], Estimate | None], limit: float) -> Callable[[Standing], list[Facts]]:
    def read(standing: Standing) -> list[Facts]:
        return [
            {"name": m.name, "percent": found, "epochs": m.epochs, "limit": limit}
            for m in standing.models
            if (found := number(m)) is not None
        ]

    return read


_STEADY: Facts = {"name": "vae-16", "percent": Estimate(0.2, 0.1, 0.3), "epochs": 50.0, "limit": RISES}


@builtin(
    "LT101", "rises", STUDY, _course(lambda m: m.rise, RISES), several=True, severity="warning",
    holds=_STEADY, fails={**_STEADY, "percent": Estimate(5, 4, 6)},
)  # fmt: skip
def rises(f: Facts) -> Verdict:
    """The validation loss does not rise again before training ends: its last epochs are near its lowest, in means over
    five epochs, with the noise between epochs as interval. Weights that early stopping restored are the lowest."""
    return below(f["percent"], RISES)


@builtin(
    "LT103", "trained", STUDY, _course(lambda m: m.fall, FALLS), several=True,
    holds=_STEADY, fails={**_STEADY, "percent": Estimate(5, 4, 6)},
)  # fmt: skip
def trained(f: Facts) -> Verdict:
    """It was trained long enough: over the last quarter of the epochs the validation loss hardly fell."""
    return below(f["percent"], FALLS)


def _idle(standing: Standing) -> list[Facts]:
    return [
        {"name": m.name, "unused": m.idle[0], "unsure": m.idle[1], "latents": m.idle[2], "limit": THRESHOLD}
        for m in standing.models
        if m.idle is not None
    ]


@builtin(
    "LT206", "idle", STUDY, _idle, several=True, severity="warning", found="holds",
    holds={"name": "vae-16", "unused": 9, "unsure": 0, "latents": 16, "limit": THRESHOLD},
    fails={"name": "vae-16", "unused": 0, "unsure": 0, "latents": 16, "limit": THRESHOLD},
)  # fmt: skip
def idle(f: Facts) -> Verdict:
    """Some latents do nothing: their posterior means hardly vary over at most 2,000 validation examples, by intervals
    that hold together over the latents (Bonferroni)."""
    return "holds" if f["unused"] else "unknown" if f["unsure"] else "fails"


def _seeds(standing: Standing) -> list[Facts]:
    gap = standing.closest
    if gap is None:
        return []
    return [
        {"first": gap.first, "second": gap.second, "seeds": gap.seeds,
         "gap": gap.difference.estimate, "among": gap.difference.comparisons, "needed": gap.seeds_needed or 0}
    ]  # fmt: skip


_SHOWN: Facts = {
    "first": "vae-16", "second": "vae-8", "seeds": 5, "gap": Estimate(9, 8, 10), "among": 3, "needed": 3,
}  # fmt: skip


@builtin(
    "LT404", "seeds", STUDY, _seeds, several=True, severity="warning",
    holds=_SHOWN, fails={**_SHOWN, "seeds": 1},
)  # fmt: skip
def seeds(f: Facts) -> Verdict:
    """The order of the best two models can be trusted with so many seeds: it is shown of the models, however often they
    are trained. With a single seed nothing is; with several it cannot be told where their interval holds zero."""
    if f["seeds"] == 1:
        return "fails"
    return "holds" if f["gap"].low > 0 or f["gap"].high < 0 else "unknown"


def _sizes(standing: Standing) -> list[Facts]:
    return [
        {"models": ", ".join(e.models), "chosen": e.chosen or 0, "largest": e.sizes[-1].latents, "best": e.best,
         "shape": e.shape, "gain": e.gain.value, "tolerance": e.tolerance}
        for e in standing.sizes
    ]  # fmt: skip


_ENOUGH: Facts = {
    "models": "vae-2, vae-8, vae-16", "chosen": 8, "largest": 16, "best": 16, "shape": "elbow",
    "gain": 40.0, "tolerance": 2.0,
}  # fmt: skip


@builtin(
    "LT405", "size", STUDY, _sizes, several=True,
    holds=_ENOUGH, fails={**_ENOUGH, "chosen": 16, "shape": "falling"},
)  # fmt: skip
def size(f: Facts) -> Verdict:
    """The latent size is enough: a size of the sweep before the largest, or the largest after one that is worth as
    much, is shown to be (`latente.elbow`); it is not where every size but the largest is shown to be too small."""
    return {"elbow": "holds", "flat": "holds", "falling": "fails"}.get(str(f["shape"]), "unknown")  # type: ignore[return-value]


def _against(of: Callable[[Standing], Sequence[Against]]) -> Callable[[Standing], list[Facts]]:
    def read(standing: Standing) -> list[Facts]:
        return [
            {"name": a.name, "latents": a.latents, "own": a.own, "other": a.other, "less": a.less, "count": a.count}
            for a in of(standing)
        ]

    return read


_BEATS: Facts = {
    "name": "vae-16", "latents": 16, "own": 0.02, "other": 0.03, "less": Estimate(-0.01, -0.011, -0.009), "count": 3,
}  # fmt: skip

_BEATEN: Facts = {**_BEATS, "own": 0.04, "less": Estimate(0.01, 0.009, 0.011)}


@builtin(
    "LT305", "beats-pca", STUDY, _against(lambda s: s.pca), several=True, severity="warning",
    holds=_BEATS, fails=_BEATEN,
)  # fmt: skip
def beats_pca(f: Facts) -> Verdict:
    """It rebuilds test examples from drawn codes with a smaller squared error than as many principal components of the
    training part do, by an interval paired by example that holds together with those of the other models."""
    return below(f["less"], 0)


@builtin(
    "LT306", "beats-mean", STUDY, _against(lambda s: s.mean), several=True, severity="error",
    holds=_BEATS, fails=_BEATEN,
)  # fmt: skip
def beats_mean(f: Facts) -> Verdict:
    """It rebuilds test examples with a smaller squared error than the mean of the training part, the same for all of
    them, by an interval paired by example that holds together with those of the other models."""
    return below(f["less"], 0)


@builtin(
    "LT507", "beats-marginal", STUDY, _against(lambda s: s.marginal), several=True, severity="error",
    holds={**_BEATS, "own": 100.0, "other": 206.0, "less": Estimate(-106, -108, -104)},
    fails={**_BEATS, "own": 210.0, "other": 206.0, "less": Estimate(4, 3, 5)},
)  # fmt: skip
def beats_marginal(f: Facts) -> Verdict:
    """Its bound on −log p(x) is below −log p(x) of a model of each value by itself, with the same likelihood fitted to
    the training part, by an interval paired by example that holds together with those of the other models."""
    return below(f["less"], 0)
