"""The conclusions of the notebook as claims, each judged by a study's own numbers.

Eight are those of its *Relatório* and five those of its *Conclusões da Parte Extra*, in that order. A claim holds
where the whole 95% interval of its number is inside the region named in its evidence, fails where the whole interval
is outside, and is unknown where the interval has both or the numbers are missing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from latente.evaluation.measures import AGREE, NEIGHBOURS, Estimate
from latente.evaluation.quantities import Evidence, Pair, Size, Step
from latente.registry import Registry

Verdict = Literal["holds", "fails", "unknown"]
Number = float | int | str
Said = tuple[str, dict[str, Number]]

SIMILAR = 2.0
"""Losses are similar within so many percent of the training loss."""
RISE = 1.0
"""Overfitting is not pronounced where the validation loss ends at most so many percent above its lowest."""
STRUCTURE = 0.5
"""Structure is kept where more than half of the variance of coarse images is explained: more than is lost."""
SLIGHT, SHARP = 0.7, 0.8
"""Edge strength from which smoothing is slight (half of the gradient energy), and from which images are sharp."""
DIVERSE_CLASSES, DIVERSE_SPREAD = 0.75, 0.5
"""Diversity is reasonable from these shares of the effective number of classes and of the mean distance of data."""
CLOSE = 5.0
"""Losses are close within so many percent of the VAE's."""
COST = 10.0
"""A rise of the cost counts from so many percent."""
FASTER = 10.0
"""A difference in epochs counts from so many percent."""
STEADIER = 0.1
"""A difference in upward moves counts from so many percentage points of the loss's decrease."""
GENERATES = 0.5
"""A model generates new examples where its draws pass as new at least half as often as real examples do."""
ADDITIVE = 1e-5
"""The loss is the sum of its parts where they differ by at most this share of it, as 32-bit sums do."""
NOTEBOOK_LARGEST = 16


@dataclass(frozen=True)
class Claim:
    """One claim with its verdict.

    Attributes:
        key: its name within the finding.
        verdict: whether it holds in this study.
        evidence: sentences, as the name of a template and its numbers. A name with a dot is one that several claims
            share.
    """

    key: str
    verdict: Verdict
    evidence: tuple[Said, ...]


@dataclass(frozen=True)
class Finding:
    """One of the notebook's conclusions, as one or more claims."""

    id: str
    claims: tuple[Claim, ...]

    @property
    def verdict(self) -> Verdict:
        """Fails if any claim fails, unknown if none fails and any is unknown, else holds."""
        return all_of([c.verdict for c in self.claims])


findings: Registry[tuple[Claim, ...]] = Registry("finding")


def find(evidence: Evidence) -> list[Finding]:
    """Every finding, in the notebook's order."""
    return [Finding(name, findings[name](evidence)) for name in findings]


def all_of(verdicts: Sequence[Verdict]) -> Verdict:
    """Fails if any fails, unknown if none fails and any is unknown, else holds."""
    return "fails" if "fails" in verdicts else "unknown" if "unknown" in verdicts or not verdicts else "holds"


def within(value: Estimate | None, low: float, high: float) -> Verdict:
    """Whether a value lies in low..high."""
    if value is None:
        return "unknown"
    if low <= value.low and value.high <= high:
        return "holds"
    return "fails" if value.high < low or value.low > high else "unknown"


def above(value: Estimate | None, limit: float) -> Verdict:
    """Whether a value lies above a limit."""
    if value is None:
        return "unknown"
    return "holds" if value.low > limit else "fails" if value.high <= limit else "unknown"


def below(value: Estimate | None, limit: float) -> Verdict:
    """Whether a value lies below a limit."""
    if value is None:
        return "unknown"
    return "holds" if value.high < limit else "fails" if value.low >= limit else "unknown"


def agreed(first: Verdict, second: Verdict) -> Verdict:
    """What two measures of one thing say: the one that can tell, and unknown where they contradict each other."""
    if first == second or second == "unknown":
        return first
    return second if first == "unknown" else "unknown"


def contrary(verdict: Verdict) -> Verdict:
    """The verdict on the opposite claim."""
    turned: dict[Verdict, Verdict] = {"holds": "fails", "fails": "holds", "unknown": "unknown"}
    return turned[verdict]


def say(template: str, **values: Number | Estimate | None) -> Said:
    """A sentence; an estimate x becomes the numbers x, x_low and x_high, and a number that is missing is left out."""
    numbers: dict[str, Number] = {}
    for name, value in values.items():
        if isinstance(value, Estimate):
            numbers |= {name: value.value, f"{name}_low": value.low, f"{name}_high": value.high}
        elif value is not None:
            numbers[name] = value
    return template, numbers


def lacking(key: str, *things: str) -> Claim:
    """A claim that cannot be told, for what is missing."""
    return Claim(key, "unknown", tuple(say(f"missing.{thing}") for thing in things))


def _undefined(key: str, *values: object) -> Claim | None:
    return lacking(key, "numbers") if any(v is None for v in values) else None


@findings.register("performance")
def performance(e: Evidence) -> tuple[Claim, ...]:
    """Relatório 1: similar losses in training and validation, no pronounced overfitting."""
    f = e.fit
    if f is None:
        return lacking("similar", "vae"), lacking("overfitting", "vae")
    if f.gap_percent is None or f.rise_percent is None:
        return lacking("similar", "scale"), lacking("overfitting", "scale")
    gap = [say("gap", train=f.train, validation=f.validation, gap=f.gap, percent=f.gap_percent, limit=SIMILAR)]
    if f.test is not None:
        gap.append(say("test", test=f.test))
    rise = [say("rise", best=f.best_epoch, epochs=f.epochs, rise=f.rise_percent, limit=RISE)]
    if f.best_epoch > f.epochs - 1:
        rise.append(say("falling"))
    return (
        Claim("similar", within(f.gap_percent, -SIMILAR, SIMILAR), tuple(gap)),
        Claim("overfitting", within(f.rise_percent, -math.inf, RISE), tuple(rise)),
    )


@findings.register("reconstructions")
def reconstructions(e: Evidence) -> tuple[Claim, ...]:
    """Relatório 2: global structure kept, edges slightly smoothed."""
    r = e.reconstructions
    if r is None:
        missing = [t for t, absent in (("vae", e.vae is None), ("images", not e.images)) if absent]
        return lacking("structure", *missing), lacking("smoothing", *missing)
    structure = say("structure", structure=r.structure, block=r.block, limit=STRUCTURE)
    smoothing = say("smoothing", sharpness=r.sharpness, limit=SLIGHT)
    return (
        _undefined("structure", r.structure) or Claim("structure", above(r.structure, STRUCTURE), (structure,)),
        _undefined("smoothing", r.sharpness) or Claim("smoothing", within(r.sharpness, SLIGHT, 1), (smoothing,)),
    )


@findings.register("samples")
def samples(e: Evidence) -> tuple[Claim, ...]:
    """Relatório 3: reasonable diversity; some samples ambiguous, which larger latents may mend."""
    s = e.samples
    if s is None:
        return lacking("diversity", "vae"), lacking("ambiguity", "vae"), _recognisable("room", e)
    diversity = [say("spread", spread=s.spread, limit=DIVERSE_SPREAD)]
    verdicts = [above(s.spread, DIVERSE_SPREAD)]
    if s.classes is not None:
        diversity.append(
            say("classes", own=s.effective, real=s.real_effective, classes=s.classes, limit=DIVERSE_CLASSES)
        )
        verdicts.append(above(s.classes, DIVERSE_CLASSES))
    ambiguity = lacking("ambiguity", "labels")
    if s.excess is not None:
        doubt = say("ambiguous", own=s.ambiguous, real=s.real_ambiguous, excess=s.excess, **VOTES)
        ambiguity = Claim("ambiguity", above(s.excess, 0), (doubt,))
    return (
        _undefined("diversity", s.spread) or Claim("diversity", all_of(verdicts), tuple(diversity)),
        ambiguity,
        _recognisable("room", e),
    )


@findings.register("latent_space")
def latent_space(e: Evidence) -> tuple[Claim, ...]:
    """Relatório 4: coherent groups by label in two latents, a structure that was learnt."""
    found = e.latent_map
    if found is None:
        missing = ("labels",) if e.classes < 2 else ("two_latents",)
        return lacking("groups", *missing), lacking("learnt", *missing)
    limit = (1 + found.majority) / 2
    groups = say("accuracy", accuracy=found.accuracy, majority=found.majority, limit=limit, neighbours=NEIGHBOURS)
    learnt = say("linear", linear=found.linear, advantage=found.advantage)
    return (
        _undefined("groups", found.accuracy) or Claim("groups", above(found.accuracy, limit), (groups,)),
        _undefined("learnt", found.advantage) or Claim("learnt", above(found.advantage, 0), (learnt,)),
    )


@findings.register("autoencoder")
def autoencoder(e: Evidence) -> tuple[Claim, ...]:
    """Relatório 5: the deterministic autoencoder's loss is close, its variety less, the VAE generates better."""
    return _close(e), _fair(e), _variety(e), _advantage(e)


@findings.register("latent_sizes")
def latent_sizes(e: Evidence) -> tuple[Claim, ...]:
    """Relatório 6: the larger the latent, the lower the reconstruction loss, the sharper the samples, at a cost."""
    return _falls("reconstruction", e), _sharper("sharper", e), _cost(e)


@findings.register("challenges")
def challenges(e: Evidence) -> tuple[Claim, ...]:
    """Relatório 7: a custom class was needed for the total loss and the logs."""
    if e.residual is None:
        return (lacking("subclass", "numbers"),)
    said = (say("parts", runs=e.runs, own=e.own_class, residual=e.residual, limit=ADDITIVE), say("keras"))
    if e.residual > ADDITIVE:
        return (Claim("subclass", "unknown", said),)
    return (Claim("subclass", "fails" if e.own_class == 0 else "holds" if e.own_class == e.runs else "unknown", said),)


@findings.register("next_steps")
def next_steps(e: Evidence) -> tuple[Claim, ...]:
    """Relatório 8: more regularisation such as KL annealing, and more complex data."""
    # A study is on one data set, so robustness over data sets is never told by one.
    return _regularisation(e), Claim("datasets", "unknown", (say("one", data=e.data),))


@findings.register("extra_autoencoder")
def extra_autoencoder(e: Evidence) -> tuple[Claim, ...]:
    """Extra 1: the autoencoder reconstructs sharply but cannot generate; the VAE has the advantage."""
    return _sharp(e), _sharper_than_vae(e), _no_new(e), _advantage(e)


@findings.register("extra_losses")
def extra_losses(e: Evidence) -> tuple[Claim, ...]:
    """Extra 2: the reconstruction loss falls with the number of latents while the KL grows."""
    return _falls("reconstruction", e), _by_step(
        "kl", e, lambda s: above(s.kl, 0), lambda a, b, s: say("shared.kl", **_ends(a, b), before=a.kl, after=b.kl, change=s.kl)
    )


@findings.register("extra_convergence")
def extra_convergence(e: Evidence) -> tuple[Claim, ...]:
    """Extra 3: larger latents converge faster and more steadily; the smallest keeps a higher loss and blurs more."""
    return _faster(e), _steadier(e), _higher(e), _sharper("blur", e, from_smallest=True)


@findings.register("extra_samples")
def extra_samples(e: Evidence) -> tuple[Claim, ...]:
    """Extra 4: larger latents give better defined samples, the largest most, at the cost of complexity and time."""
    return _sharper("sharper", e), _recognisable("recognisable", e), _cost(e, say("time"))


@findings.register("extra_future")
def extra_future(e: Evidence) -> tuple[Claim, ...]:
    """Extra 5: KL annealing or β-VAE, and still larger latents."""
    return _regularisation(e), _larger(e)


VOTES: dict[str, Number] = {"neighbours": NEIGHBOURS, "agree": round(AGREE * NEIGHBOURS)}
