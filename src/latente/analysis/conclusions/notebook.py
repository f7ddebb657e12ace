"""The conclusions of the notebook as claims, each judged by a study's own numbers.

Eight are those of its *Relatório* and five those of its *Conclusões da Parte Extra*, in that order. A claim holds
where the whole 95% interval of its number is inside the region named in its evidence, fails where the whole interval
is outside, and is unknown where the interval has both or the numbers are missing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from latente.analysis.conclusions import rules
from latente.analysis.conclusions.claims import (
    Claim,
    Finding,
    Verdict,
    above,
    below,
    each_of,
    every,
    points,
    say,
    within,
)
from latente.analysis.conclusions.evidence import Evidence
from latente.analysis.conclusions.made_up import GOOD, TURNED
from latente.analysis.conclusions.measures import EPOCHS, NEIGHBOURS
from latente.analysis.conclusions.registry import NOTEBOOK, about, builtin
from latente.analysis.conclusions.rules import DIVERSE_SPREAD, SLIGHT, defined, lacking
from latente.evaluation.metrics.intervals import Estimate

SIMILAR = 2.0
"""Losses are similar within so many percent of the training loss."""

RISE, PRONOUNCED = 1.0, 10.0
"""Overfitting is not pronounced where the validation loss ends at most so many percent above its lowest, and less than
so many percent of the training loss above that."""

STRUCTURE = 0.5
"""Structure is kept where more of the variance of coarse images is explained than is lost."""

DIVERSE_CLASSES = 0.75
"""Diversity is reasonable from this share of the effective number of classes of the data."""

ADDITIVE = 1e-5
"""The loss is the sum of its parts where they differ by at most this share of it, as sums in single precision do."""


def _conclusion(code: str, name: str) -> Callable[[Any], Any]:
    return builtin(code, name, NOTEBOOK, _itself, holds=GOOD, fails=TURNED[name])


def _itself(evidence: Evidence) -> Evidence:
    return evidence


def find(evidence: Evidence) -> list[Finding]:
    """Every finding that means anything on this data, in the notebook's order."""
    found = [Finding(r.name, tuple(c for c in r.claims(evidence) if c.applies)) for r in about(NOTEBOOK)]
    return [f for f in found if f.claims]


@_conclusion("LT901", "performance")
def performance(e: Evidence) -> tuple[Claim, ...]:
    """Relatório 1: similar losses in training and validation, no pronounced overfitting."""
    f = e.fit
    if f is None or f.gap_percent is None:
        missing = "scale" if f is not None else "vae" if e.vae is None else "numbers"
        return lacking("similar", e, missing), lacking("overfitting", e, missing)
    gap = [say("gap", train=f.train, validation=f.validation, gap=f.gap, percent=f.gap_percent, limit=SIMILAR)]
    if f.floor:
        gap.append(say(f.floor, zero=f.zero))
    if f.test is not None:
        gap.append(say("test", test=f.test))
    over = [say("above", percent=f.gap_percent, limit=PRONOUNCED)]
    if f.rise_percent is None or f.fall_percent is None:
        over.append(say("short", epochs=f.epochs, least=EPOCHS))
    else:
        course = {"best": f.best_epoch, "epochs": f.epochs, "window": f.window, "limit": RISE}
        over += [say("rise", rise=f.rise_percent, **course), say("fall", fall=f.fall_percent, limit=RISE)]

    def pronounced(times: int) -> list[Verdict]:
        return [below(f.gap_percent, PRONOUNCED, times), within(f.rise_percent, -math.inf, RISE, times)]

    verdict = each_of(pronounced(1), pronounced(2))
    # While the loss falls, nothing was trained after the best epoch that could have made it worse.
    if verdict == "holds" and within(f.fall_percent, -math.inf, RISE) != "holds":
        verdict = "unknown"
    return (
        Claim("similar", within(f.gap_percent, -SIMILAR, SIMILAR), tuple(gap)),
        Claim("overfitting", verdict, tuple(over)),
    )


@_conclusion("LT902", "reconstructions")
def reconstructions(e: Evidence) -> tuple[Claim, ...]:
    """Relatório 2: global structure kept, edges slightly smoothed."""
    r = e.reconstructions
    if not e.images:
        return lacking("structure", e, "images"), lacking("smoothing", e, "images")
    if r is None:
        return lacking("structure", e, "vae"), lacking("smoothing", e, "vae")
    structure = say("structure", structure=r.structure, block=r.block, limit=STRUCTURE)
    smoothing = say("smoothing", sharpness=r.sharpness, limit=SLIGHT)
    return (
        defined(Claim("structure", above(r.structure, STRUCTURE), (structure,)), r.structure),
        defined(Claim("smoothing", within(r.sharpness, SLIGHT, 1), (smoothing,)), r.sharpness),
    )


@_conclusion("LT903", "samples")
def samples(e: Evidence) -> tuple[Claim, ...]:
    """Relatório 3: reasonable diversity; some samples ambiguous, which larger latents may mend."""
    s = e.samples
    if s is None:
        missing = "labels" if e.classes < 2 else "vae"
        room = rules.recognisable("room", rules.notebook_sizes(e))
        return lacking("diversity", e, "vae"), lacking("ambiguity", e, missing), room
    diversity = [say("spread", spread=s.spread, limit=DIVERSE_SPREAD)]
    kinds: list[tuple[Estimate | None, float]] = [(s.spread, DIVERSE_SPREAD)]
    if s.classes is not None:
        diversity.append(
            say("classes", own=s.effective, real=s.real_effective, classes=s.classes, limit=DIVERSE_CLASSES)
        )
        kinds.append((s.classes, DIVERSE_CLASSES))
    ambiguity = lacking("ambiguity", e, "labels")
    if s.excess is not None:
        doubt = say("ambiguous", own=s.ambiguous, real=s.real_ambiguous, excess=points(s.excess), **rules.VOTES)
        ambiguity = Claim("ambiguity", above(s.excess, 0), (doubt,))
    return (
        defined(Claim("diversity", every(lambda k, n: above(*k, n), kinds), tuple(diversity)), s.spread),
        ambiguity,
        rules.recognisable("room", rules.notebook_sizes(e)),
    )


@_conclusion("LT904", "latent_space")
def latent_space(e: Evidence) -> tuple[Claim, ...]:
    """Relatório 4: coherent groups by label in two latents, a structure that was learnt."""
    found = e.latent_map
    if found is None:
        missing = "labels" if e.classes < 2 else "two_latents"
        return lacking("groups", e, missing), lacking("learnt", e, missing)
    limit = (1 + found.majority) / 2
    shares = {"accuracy": found.accuracy, "majority": found.majority, "limit": limit, "margin": points(found.margin)}
    groups = say("accuracy", **shares, neighbours=NEIGHBOURS)
    learnt = say("linear", linear=found.linear, advantage=points(found.advantage))
    return (
        defined(Claim("groups", above(found.margin, 0), (groups,)), found.accuracy, found.margin),
        defined(Claim("learnt", above(found.advantage, 0), (learnt,)), found.advantage),
    )


@_conclusion("LT905", "autoencoder")
def autoencoder(e: Evidence) -> tuple[Claim, ...]:
    """Relatório 5: the deterministic autoencoder's loss is close, its variety less, the VAE generates better."""
    return rules.close(e), rules.fair(e), rules.variety(e), rules.plain_advantage(e), rules.advantage(e)


@_conclusion("LT906", "latent_sizes")
def latent_sizes(e: Evidence) -> tuple[Claim, ...]:
    """Relatório 6: the larger the latent, the lower the reconstruction loss, the sharper the samples, at a cost."""
    e = rules.notebook_sizes(e)
    return rules.falls("reconstruction", e), rules.sharper("sharper", e), rules.cost(e)


@_conclusion("LT907", "challenges")
def challenges(e: Evidence) -> tuple[Claim, ...]:
    """Relatório 7: a custom class was needed for the total loss and the logs."""
    if e.residual is None:
        return (lacking("subclass", e, "numbers"),)
    said = (say("parts", runs=e.runs, own=e.own_class, residual=1e6 * e.residual, limit=1e6 * ADDITIVE), say("keras"))
    if e.residual > ADDITIVE:
        return (Claim("subclass", "unknown", said),)
    return (Claim("subclass", "fails" if e.own_class == 0 else "holds" if e.own_class == e.runs else "unknown", said),)


@_conclusion("LT908", "next_steps")
def next_steps(e: Evidence) -> tuple[Claim, ...]:
    """Relatório 8: more regularisation such as KL annealing, and more complex data."""
    return rules.regularisation(e), rules.datasets(e)


@_conclusion("LT909", "extra_autoencoder")
def extra_autoencoder(e: Evidence) -> tuple[Claim, ...]:
    """Extra 1: the autoencoder reconstructs sharply but cannot generate; the VAE has the advantage."""
    # The advantage is claimed twice; its numbers stand in the first place only.
    found = rules.advantage(e)
    again = found if found.evidence[0][0].startswith("missing") else Claim("advantage", found.verdict, (say("above"),))
    return rules.sharp(e), rules.sharper_than_vae(e), rules.no_new(e), again


@_conclusion("LT910", "extra_losses")
def extra_losses(e: Evidence) -> tuple[Claim, ...]:
    """Extra 2: the reconstruction loss falls with the number of latents while the KL grows."""
    e = rules.notebook_sizes(e)
    return rules.falls("reconstruction", e), rules.kl_grows("kl", e)


@_conclusion("LT911", "extra_convergence")
def extra_convergence(e: Evidence) -> tuple[Claim, ...]:
    """Extra 3: larger latents converge faster and more steadily; the smallest keeps a higher loss and blurs more."""
    e = rules.notebook_sizes(e)
    return rules.faster(e), rules.steadier(e), rules.higher(e), rules.sharper("blur", e, from_smallest=True)


@_conclusion("LT912", "extra_samples")
def extra_samples(e: Evidence) -> tuple[Claim, ...]:
    """Extra 4: larger latents give better defined samples, the largest most, at the cost of complexity and time."""
    e = rules.notebook_sizes(e)
    return rules.sharper("sharper", e), rules.recognisable("recognisable", e), rules.cost(e, say("time"))


@_conclusion("LT913", "extra_future")
def extra_future(e: Evidence) -> tuple[Claim, ...]:
    """Extra 5: KL annealing or β-VAE, and still larger latents."""
    return rules.regularisation(e), rules.larger(e)
