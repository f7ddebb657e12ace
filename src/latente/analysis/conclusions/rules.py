"""Claims that several findings share, about autoencoder and VAE side by side and about the sweep of latent sizes.

The limits are conventions. Those on edges, structure, diversity and generation were set after looking at runs on
MNIST (3,200 and 48,000 training images), so that on MNIST a verdict near its limit is weak evidence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from latente.analysis.conclusions.claims import (
    Claim,
    Number,
    Sentence,
    Verdict,
    above,
    agreed,
    below,
    contrary,
    each_of,
    every,
    points,
    say,
    within,
)
from latente.analysis.conclusions.evidence import COMPLEX, NOTEBOOK_BITS, Evidence, Pair, Step, Weighted
from latente.analysis.conclusions.measures import AGREE, NEIGHBOURS
from latente.evaluation.metrics.intervals import Estimate

SLIGHT, SHARP = 0.7, 0.8
"""Edge strength from which smoothing is slight (about half of the gradient energy), and from which images are sharp."""

DIVERSE_SPREAD = 0.5
"""Diversity is reasonable from this share of the mean distance between examples of the data."""

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

NOTEBOOK_LARGEST = 16
"""The largest latent size of the notebook, beyond which it proposes to go."""

VOTES: dict[str, Number] = {"neighbours": NEIGHBOURS, "agree": round(AGREE * NEIGHBOURS)}


MODELS = {"vae", "ae", "two_latents", "sweep", "matched"}
"""What a study lacks models of; other things it lacks are no models."""


def notebook_sizes(e: Evidence) -> Evidence:
    """The evidence of the sweep's sizes up to the notebook's largest, about which it concludes: those beyond are what
    it proposes, which `larger` judges. All of them where fewer than two are as small."""
    own = tuple(z for z in e.sweep if z.latents <= NOTEBOOK_LARGEST)
    if len(own) < 2 or len(own) == len(e.sweep):
        return e

    def kept(steps: tuple[Step, ...]) -> tuple[Step, ...]:
        return tuple(s for s in steps if s.second <= NOTEBOOK_LARGEST)

    return replace(e, sweep=own, steps=kept(e.steps), from_smallest=kept(e.from_smallest))


Read = Mapping[str, Number | Estimate | None]


def lacking(key: str, e: Evidence, *things: str) -> Claim:
    """A claim that is unknown because something is missing; where that is a model, those left out are named."""
    models = left_out(e) if MODELS & set(things) else ()
    return Claim(key, "unknown", (*(say(f"missing.{thing}") for thing in things), *models))


def defined(claim: Claim, *values: object) -> Claim:
    """The claim, or an unknown one where a value that it needs is None."""
    return Claim(claim.key, "unknown", (say("missing.numbers"),)) if any(v is None for v in values) else claim


def left_out(e: Evidence) -> tuple[Sentence, ...]:
    """For each reason why models take no part, a sentence that names them."""
    return tuple(say(f"missing.left_{why}", names=names) for why, names in e.left_out)


def close(e: Evidence) -> Claim:
    """The main autoencoder's loss, as reported, is close to the main VAE's."""
    p = e.main_pair
    if p is None:
        return _no_pair("close", e)
    if p.loss_percent is None:
        return lacking("close", e, "scale")
    said = say("reported", **_sizes(p), ae=p.ae_loss, vae=p.vae_loss, percent=p.loss_percent, limit=CLOSE)
    return Claim("close", within(p.loss_percent, -CLOSE, CLOSE), (said,))


def fair(e: Evidence) -> Claim:
    """On a common scale and at equal size, the reconstruction losses are close."""

    def numbers(p: Pair) -> Read:
        return {"ae": p.ae_score, "vae": p.vae_score, "percent": p.score_percent, "limit": CLOSE}

    return _by_pair("fair", e, lambda p: p.score, numbers, lambda p, n: within(p.score_percent, -CLOSE, CLOSE, n))


def variety(e: Evidence) -> Claim:
    """The autoencoder's reconstructions vary less than the VAE's."""

    def numbers(p: Pair) -> Read:
        return {"ae": p.ae_variety, "vae": p.vae_variety, "difference": p.variety}

    return _by_pair("variety", e, "variety", numbers, lambda p, n: below(p.variety, 0, n), main=True)


def sharp(e: Evidence) -> Claim:
    """The main autoencoder's reconstructions are sharp."""
    p = e.main_pair
    if p is None:
        return _no_pair("sharp", e)
    if not e.images:
        return lacking("sharp", e, "images")
    said = say("edges", ae_latents=p.ae_latents, sharpness=p.ae_sharpness, limit=SHARP)
    return defined(Claim("sharp", above(p.ae_sharpness, SHARP), (said,)), p.ae_sharpness)


def sharper_than_vae(e: Evidence) -> Claim:
    """At equal size, the autoencoder's reconstructions are sharper than the VAE's."""
    if not e.images:
        return lacking("sharper", e, "images")

    def numbers(p: Pair) -> Read:
        ae, vae = (x and x.value for x in (p.ae_sharpness, p.vae_sharpness))
        return {"ae": ae, "vae": vae, "difference": p.sharpness}

    return _by_pair("sharper", e, "edges", numbers, lambda p, n: above(p.sharpness, 0, n))


def no_new(e: Evidence) -> Claim:
    """The autoencoder cannot generate new examples: neither recognisable, novel ones, nor a variety of them."""

    def verdict(p: Pair, n: int) -> Verdict:
        def both(times: int) -> list[Verdict]:
            return [above(p.ae_new, GENERATES, times), above(p.ae_spread, DIVERSE_SPREAD, times)]

        return contrary(each_of(both(n), both(2 * n)))

    def numbers(p: Pair) -> Read:
        return {"new": p.ae_new, "spread": p.ae_spread, "normal": p.ae_normal_new, "vae": p.vae_new}

    criteria = "criteria_labels" if e.classes > 1 else "criteria"
    first = say(criteria, limit=GENERATES, spread_limit=DIVERSE_SPREAD, **VOTES)
    return _by_pair("new", e, "draws", numbers, verdict, first, main=True, needs=lambda p: (p.ae_new, p.ae_spread))


def plain_advantage(e: Evidence) -> Claim:
    """With codes from N(0, I) for both, the VAE's samples are nearer to the data in distribution."""

    def numbers(p: Pair) -> Read:
        return {"ae": p.ae_normal_energy, "vae": p.vae_energy, "difference": p.normal_energy}

    def verdict(p: Pair, n: int) -> Verdict:
        return above(p.normal_energy, 0, n)

    return _by_pair("plain", e, "energy", numbers, verdict, main=True, needs=lambda p: (p.normal_energy,))


def advantage(e: Evidence) -> Claim:
    """The VAE's samples are better than draws from a normal fitted to the autoencoder's codes.

    Better is nearer in distribution and less ambiguous: the first alone would forgive draws of no class, the second
    alone draws of one class only.
    """

    def verdict(p: Pair, n: int) -> Verdict:
        return agreed(above(p.energy, 0, n), above(p.ambiguous, 0, n))

    def numbers(p: Pair) -> Read:
        doubts = {"ae_ambiguous": p.ae_ambiguous, "vae_ambiguous": p.vae_ambiguous, "ambiguous": points(p.ambiguous)}
        return {"ae": p.ae_energy, "vae": p.vae_energy, "difference": p.energy, **doubts}

    def template(p: Pair) -> str:
        return "energy" if p.ambiguous is None else "energy_labels"

    first = [say("two_measures", **VOTES)] if e.classes > 1 else []
    return _by_pair("advantage", e, template, numbers, verdict, *first, main=True, needs=lambda p: (p.energy,))


def falls(key: str, e: Evidence) -> Claim:
    """The reconstruction loss falls at every step of the sweep."""
    return _by_step(key, e, e.steps, "reconstruction", below)


def kl_grows(key: str, e: Evidence) -> Claim:
    """The KL grows at every step of the sweep."""
    return _by_step(key, e, e.steps, "kl", above)


def higher(e: Evidence) -> Claim:
    """The smallest size keeps a higher loss than every other."""
    return _by_step("loss", e, e.from_smallest, "loss", below)


def sharper(key: str, e: Evidence, *, from_smallest: bool = False) -> Claim:
    """Samples get sharper, at every step or from the smallest size to every other."""
    if not e.images:
        return lacking(key, e, "images")
    steps = e.from_smallest if from_smallest else e.steps
    return _by_step(key, e, steps, "sharpness", above)


def recognisable(key: str, e: Evidence) -> Claim:
    """Fewer samples are ambiguous at the largest size than at the smallest."""
    if e.classes < 2:
        return lacking(key, e, "labels")
    if not e.from_smallest:
        return lacking(key, e, "sweep")
    s, before, after = e.from_smallest[-1], e.sweep[0].ambiguous, e.sweep[-1].ambiguous
    change = points(s.ambiguous)
    said = say("shared.ambiguous", first=s.first, second=s.second, before=before, after=after, change=change)
    claim = Claim(key, below(s.ambiguous, 0), (said, say("shared.votes", **VOTES)))
    return defined(claim, before, after, s.ambiguous)


def cost(e: Evidence, *more: Sentence) -> Claim:
    """The largest size costs clearly more than the smallest."""
    if len(e.sweep) < 2:
        return lacking("cost", e, "sweep")
    a, b = e.sweep[0], e.sweep[-1]
    rise = 100 * (b.parameters / a.parameters - 1)
    sizes = {"first": a.latents, "second": b.latents}
    said = [say("shared.parameters", **sizes, before=a.parameters, after=b.parameters, rise=rise, limit=COST)]
    if a.operations and b.operations:
        work = 100 * (b.operations / a.operations - 1)
        rise = max(rise, work)
        said.append(say("shared.operations", before=a.operations, after=b.operations, rise=work))
    return Claim("cost", "holds" if rise >= COST else "fails", (*said, *more))


def faster(e: Evidence) -> Claim:
    """Every larger size does 90% of its decrease in fewer epochs than the smallest."""

    def verdict(s: Step, n: int) -> Verdict:
        # A smaller difference than this, either way, decides nothing.
        fewer, more = below(s.epochs_percent, -FASTER, n), above(s.epochs_percent, FASTER, n)
        return "holds" if fewer == "holds" else "fails" if more == "holds" else "unknown"

    if len(e.sweep) < 2:
        return lacking("speed", e, "sweep")
    if any(z.epochs_to_90 is None for z in e.sweep):
        return lacking("speed", e, "epochs")
    said = [say("epochs", latents=z.latents, epochs=z.epochs_to_90, all=z.epochs, last=z.last_change) for z in e.sweep]
    said.append(say("margin", limit=FASTER))
    said += [
        say("sooner", latents=z.latents, first=e.sweep[0].latents, epochs=z.epochs_to_smallest, all=e.sweep[0].epochs)
        for z in e.sweep[1:]
        if z.epochs_to_smallest is not None
    ]
    if any(s.epochs_percent is None for s in e.from_smallest):
        said.append(say("shared.one_curve"))
    return Claim("speed", every(verdict, e.from_smallest), tuple(said))


def steadier(e: Evidence) -> Claim:
    """Every larger size's training loss moves up less than the smallest's."""
    if len(e.sweep) < 2:
        return lacking("stability", e, "sweep")
    if any(z.rises is None for z in e.sweep):
        return lacking("stability", e, "epochs")
    said = [say("rises", latents=z.latents, rises=z.rises) for z in e.sweep]
    if all(z.rises == 0 for z in e.sweep):
        said = [say("none")]
    said.append(say("margin", limit=STEADIER))
    if any(s.rises is None for s in e.from_smallest):
        said.append(say("shared.one_curve"))
    verdict = every(lambda s, n: below(s.rises, -STEADIER, n), e.from_smallest)
    return Claim("stability", verdict, tuple(said))


def regularisation(e: Evidence) -> Claim:
    """A weight of the KL other than 1 brings the samples nearer to the data in distribution."""
    latents, inactive = (e.sweep[-1].latents, e.sweep[-1].inactive) if e.sweep else (e.vae, e.inactive)
    said: list[Sentence] = []
    if latents is not None and inactive is not None:
        said = [say("shared.inactive", latents=latents, inactive=inactive), say("shared.annealing")]
    known = [w for w in e.weighted if w.change is not None and w.bound is not None]
    if not known:
        none = say("shared.no_beta", runs=e.betas, annealed=e.annealed)
        return Claim("regularisation", "unknown", (none, *said, *left_out(e)))
    each = [below(w.change, 0) for w in known]
    # One weight that helps is enough; that none does takes all of them.
    verdict: Verdict = "holds" if "holds" in each else "fails" if all(v == "fails" for v in each) else "unknown"

    def weight(w: Weighted) -> Sentence:
        energies = {"before": w.plain_energy, "after": w.energy, "change": w.change}
        name = ("shared.annealed" if w.steps else "shared.beta") + ("" if w.tried == 1 else "_together")
        over = {"steps": w.steps} if w.steps else {}
        return say(name, beta=w.beta, latents=w.latents, **over, **energies, bound=w.bound, tried=w.tried)

    return Claim("regularisation", verdict, (*map(weight, known), *said))


def datasets(e: Evidence) -> Claim:
    """On data clearly more complex than the notebook's, the VAE beats as many principal components at every size."""
    if e.bits is None:
        return Claim("datasets", "unknown", (say("one", data=e.data),))
    bits: dict[str, Number] = {"data": e.data, "bits": e.bits, "notebook": float(NOTEBOOK_BITS)}
    if e.bits <= COMPLEX * NOTEBOOK_BITS:
        return Claim("datasets", "unknown", (say("simple", **bits, limit=COMPLEX),))
    if not e.linear:
        return Claim("datasets", "unknown", (say("complex", **bits), *lacking("datasets", e, "vae").evidence))
    said = [
        say("linear", latents=n.latents, own=n.explained, linear=n.linear, advantage=points(n.advantage))
        for n in e.linear
    ]
    claim = Claim(
        "datasets", every(lambda n, among: above(n.advantage, 0, among), e.linear), (say("complex", **bits), *said)
    )
    return defined(claim, *(n.advantage for n in e.linear))


def larger(e: Evidence) -> Claim:
    """A size beyond the notebook's largest has a lower loss."""
    if len(e.sweep) < 2:
        return lacking("larger", e, "sweep")
    said: list[Sentence] = []
    beyond: list[Estimate | None] = []
    by_size = {z.latents: z for z in e.sweep}
    for s in e.steps:
        if s.loss is not None and (s.second > NOTEBOOK_LARGEST or s is e.steps[-1]):
            before, after = by_size[s.first].loss, by_size[s.second].loss
            said.append(say("shared.loss", first=s.first, second=s.second, before=before, after=after, change=s.loss))
        if s.second > NOTEBOOK_LARGEST:
            beyond.append(s.loss)
    largest = e.sweep[-1]
    if not beyond:
        said.insert(0, say("beyond", largest=largest.latents, notebook=NOTEBOOK_LARGEST))
    if largest.last_change is not None:
        said.append(say("still", latents=largest.latents, last=largest.last_change))
    said.append(say("shared.inactive", latents=largest.latents, inactive=largest.inactive))
    verdict = every(lambda change, n: below(change, 0, n), beyond) if beyond else "unknown"
    return Claim("larger", verdict, tuple(said))


def _by_step(
    key: str,
    e: Evidence,
    steps: tuple[Step, ...],
    name: str,
    judge: Callable[[Estimate | None, float, int], Verdict],
) -> Claim:
    """One claim about a number at every step of the sweep, with a sentence for each step."""
    if not steps:
        return lacking(key, e, "sweep")
    sizes = {z.latents: getattr(z, name) for z in e.sweep}
    rows = [(sizes.get(s.first), sizes.get(s.second), getattr(s, name)) for s in steps]
    said = tuple(
        say(f"shared.{name}", first=s.first, second=s.second, before=a, after=b, change=c)
        for s, (a, b, c) in zip(steps, rows, strict=True)
    )
    verdict = every(lambda change, n: judge(change, 0, n), [c for _, _, c in rows])
    return defined(Claim(key, verdict, said), *(n for row in rows for n in row))


def _by_pair(
    key: str,
    e: Evidence,
    template: str | Callable[[Pair], str],
    numbers: Callable[[Pair], Read],
    judge: Callable[[Pair, int], Verdict],
    *first: Sentence,
    main: bool = False,
    needs: Callable[[Pair], tuple[object, ...]] = lambda p: (),
) -> Claim:
    """One claim about the matched pairs (with ``main``, the main pair too), with a sentence for each pair."""
    pairs = list(e.compared)
    if main and e.main_pair is not None and not e.main_pair.matched:
        pairs.insert(0, e.main_pair)
    if not pairs:
        return _no_pair(key, e) if main or e.main_pair is None else lacking(key, e, "matched")

    def said(p: Pair) -> Sentence:
        name = template if isinstance(template, str) else template(p)
        return say(name if p.matched else f"{name}_main", **_sizes(p), **numbers(p))

    claim = Claim(key, every(judge, pairs), (*first, *map(said, pairs)))
    return defined(claim, *(n for p in pairs for n in needs(p)))


def _sizes(p: Pair) -> dict[str, Number]:
    return {"ae_latents": p.ae_latents, "vae_latents": p.vae_latents}


def _no_pair(key: str, e: Evidence) -> Claim:
    return lacking(key, e, *(t for t, absent in (("vae", e.vae is None), ("ae", e.ae is None)) if absent))
