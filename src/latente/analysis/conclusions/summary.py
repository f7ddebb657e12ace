"""What stands out in a study's losses, as rules: the sentences of the report's summary.

Differences between models are those of the comparison (`latente.compare`), paired by example; where it has none, they
are taken as if each model had been given examples of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from latente.analysis.compare import Contrast
from latente.analysis.conclusions.claims import Claim, Facts, Verdict, above, below
from latente.analysis.conclusions.registry import STUDY, builtin, claims_about
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
    """

    name: str
    latents: int
    test: Estimate | None
    reconstruction: Estimate | None
    gap: Estimate | None
    scale: str = ""
    distortion: str = ""
    what: str = ""


@dataclass(frozen=True)
class Standing:
    """The models of a study.

    Attributes:
        models: their losses.
        pairs: with and without a prior, alike in all else.
        comparisons: how many the report's table of paired differences has, for which their intervals are corrected.
        contrast: gives how far a number ("loss", "reconstruction") of the second model is above that of the first, by
            the models' names; None where it is not known.
    """

    models: tuple[Losses, ...]
    pairs: tuple[tuple[Losses, Losses], ...] = ()
    comparisons: int = 1
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
