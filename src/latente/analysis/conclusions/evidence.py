"""The numbers behind a study's conclusions: plain values, computed from its trained runs on the validation part."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray
from scipy.special import entr

from latente.analysis.conclusions import measures
from latente.analysis.conclusions.model_outputs import ModelOutputs, ReferenceData, SampleSet, operations
from latente.analysis.trained_models import (
    OpenedRun,
    StudyModels,
    TrainedModel,
    distinct_models,
    paired_runs,
    study_models,
)
from latente.errors import SpecError
from latente.evaluation.likelihood.collapse import THRESHOLD
from latente.evaluation.metrics import influence
from latente.evaluation.metrics.influence import Floats, Stat, combine
from latente.evaluation.metrics.intervals import Estimate, bonferroni, bounded
from latente.evaluation.run import Run
from latente.model.autoencoder import Autoencoder
from latente.model.likelihoods.bernoulli import Bernoulli
from latente.model.likelihoods.gaussian import Gaussian
from latente.objective.terms import LAST_STEP


@dataclass(frozen=True)
class Fit:
    """How the main VAE was fitted; losses in nats per example.

    Attributes:
        train, validation: losses of the final weights.
        gap, gap_percent: validation − train; in percent of the training loss, where its zero is known.
        epochs: how many there were; best_epoch the one around which the validation loss was lowest (means over seeds).
        rise_percent: how far the kept weights' validation loss lies above the lowest, in percent of that; None where
            the noise between epochs is not known.
        fall_percent: how far the validation loss fell over the last quarter of the epochs, likewise.
        window: over how many epochs it is averaged for both.
        zero: the loss of a perfect model, which percentages leave out; ``floor`` says what it is: "density", the
            constant of a normal density, "entropy", that of grey values, or "".
        test: the loss on the test part, where it was evaluated before.
    """

    train: float
    validation: float
    gap: Estimate
    gap_percent: Estimate | None
    best_epoch: float
    epochs: float
    rise_percent: Estimate | None
    fall_percent: Estimate | None
    window: int = 5
    zero: float = 0.0
    floor: str = ""
    test: float | None = None


@dataclass(frozen=True)
class Reconstructions:
    """The main VAE's reconstructions of validation images, from their mean codes.

    Attributes:
        structure: share of the variance of block-averaged images that they explain.
        block: the blocks' side in pixels.
        sharpness: edge strength relative to the originals.
    """

    structure: Estimate | None
    block: int
    sharpness: Estimate | None


@dataclass(frozen=True)
class Samples:
    """Decoded draws from the main VAE's prior.

    Attributes:
        spread: mean distance between two of them, relative to validation examples.
        effective, real_effective: effective number of classes of samples and of validation examples, by neighbours.
        classes: their ratio.
        ambiguous, real_ambiguous: shares of either that are ambiguous.
        excess: their difference.
    """

    spread: Estimate | None
    effective: float | None = None
    real_effective: float | None = None
    classes: Estimate | None = None
    ambiguous: float | None = None
    real_ambiguous: float | None = None
    excess: Estimate | None = None


@dataclass(frozen=True)
class LatentMap:
    """How labels lie in two latents.

    Attributes:
        accuracy: of labels of validation codes by the nearest training codes.
        majority: share of the validation examples that are of the training part's most frequent class.
        margin: accuracy − the midpoint of that share and 1.
        linear: the same accuracy in the first two principal components.
        advantage: accuracy − linear.
    """

    accuracy: Estimate | None
    majority: float
    margin: Estimate | None
    linear: float
    advantage: Estimate | None


@dataclass(frozen=True)
class Pair:
    """A deterministic autoencoder (ae) and a VAE; differences are ae − vae, or ae relative to vae.

    Attributes:
        ae_latents, vae_latents: their sizes.
        matched: whether network, likelihood and training are the same too.
        ae_loss, vae_loss, loss_percent: validation losses as reported, and their difference in percent of what the
            VAE's is above a perfect model's; None where the likelihoods differ or that is not known.
        score: "bce" or "mse", a value, reconstruction only; mean over codes drawn from the posterior.
        ae_score, vae_score, score_percent: that score, and its difference likewise.
        ae_variety, vae_variety, variety: total variance of reconstructions relative to that of the originals.
        ae_sharpness, vae_sharpness, sharpness: edge strength of reconstructions relative to the originals.
        ae_energy, ae_normal_energy, vae_energy: energy distance from validation examples of decoded draws
            from a normal fitted to the ae's training codes, from N(0, I), and from the VAE's prior.
        energy, normal_energy: the first and the second less the third.
        ae_ambiguous, vae_ambiguous, ambiguous: shares of these draws (first and last kind) that are ambiguous.
        ae_spread: mean distance between two draws of the first kind, relative to validation examples.
        ae_new, ae_normal_new, vae_new: shares of these draws that pass as new examples, relative to the share of
            validation examples that do.
    """

    ae_latents: int
    vae_latents: int
    matched: bool
    ae_loss: float
    vae_loss: float
    loss_percent: Estimate | None
    score: str
    ae_score: float
    vae_score: float
    score_percent: Estimate | None
    ae_variety: float
    vae_variety: float
    variety: Estimate | None
    ae_sharpness: Estimate | None
    vae_sharpness: Estimate | None
    sharpness: Estimate | None
    ae_energy: float
    ae_normal_energy: float
    vae_energy: float
    energy: Estimate | None
    normal_energy: Estimate | None
    ae_ambiguous: float | None
    vae_ambiguous: float | None
    ambiguous: Estimate | None
    ae_spread: Estimate | None
    ae_new: Estimate | None
    ae_normal_new: float
    vae_new: float


@dataclass(frozen=True)
class SweepModel:
    """A VAE of the sweep; nats per example on the validation part.

    Attributes:
        parameters, operations: numbers learnt; floating-point operations of one encoding and decoding.
        epochs: how many it was trained for.
        epochs_to_90: epochs until 90% of the training loss's decrease is done.
        epochs_to_smallest: epochs until the training loss is below the smallest VAE's last; None where it never is.
        rises: upward moves of the training loss, in percent of its decrease.
        last_change: the training loss's change in the last epoch, in percent of its decrease.
        sharpness: edge strength of prior samples relative to validation images.
        ambiguous: share of prior samples that are ambiguous.
        inactive: latents whose posterior means vary by less than 0.01 (Burda et al. 2016).
    """

    latents: int
    loss: float
    reconstruction: float
    kl: float
    parameters: int
    operations: int | None
    epochs: float
    epochs_to_90: float | None
    epochs_to_smallest: float | None
    rises: float | None
    last_change: float | None
    sharpness: float | None
    ambiguous: float | None
    inactive: float


@dataclass(frozen=True)
class Step:
    """What changes from a smaller to a larger VAE of the sweep: second − first, paired by example and seed.

    ``epochs_percent`` is the change of `SweepModel.epochs_to_90` in percent of the first, ``rises`` in percentage
    points: both None with one seed, for a single curve has no interval.
    """

    first: int
    second: int
    loss: Estimate | None
    reconstruction: Estimate | None
    kl: Estimate | None
    sharpness: Estimate | None = None
    ambiguous: Estimate | None = None
    epochs_percent: Estimate | None = None
    rises: Estimate | None = None


@dataclass(frozen=True)
class Weighted:
    """A VAE whose KL has a weight β other than 1, or is annealed, compared with the VAE that differs in β = 1 alone.

    Attributes:
        beta, latents: its weight, of the last step where it is annealed, and its size.
        steps: over how many steps the weight is annealed; 0 where it is fixed.
        energy, plain_energy: energy distance of prior samples from validation examples, its own and the other's.
        change: their difference, its own − the other's; its interval holds together with those of all weights.
        bound: the same difference of validation reconstruction + KL, weighed with 1, in nats.
        tried: how many such weights the study has.
    """

    beta: float
    latents: int
    energy: float
    plain_energy: float
    change: Estimate | None
    bound: Estimate | None
    tried: int = 1
    steps: int = 0


@dataclass(frozen=True)
class BesidePCA:
    """A VAE's reconstructions of validation images beside those by as many principal components of the training part.

    Attributes:
        latents: how many.
        explained, linear: shares of the variance of validation images that the VAE and the components explain.
        advantage: explained − linear.
    """

    latents: int
    explained: float
    linear: float
    advantage: Estimate | None


@dataclass(frozen=True)
class Evidence:
    """Everything that the rules of `latente.analysis.conclusions` look at.

    Attributes:
        data: the data set's name; ``classes`` how many labels it has, 0 without.
        images: whether edges mean anything: examples are images and not all flat.
        grey: whether a Bernoulli likelihood scores values that are not all 0 or 1.
        seeds: the fewest seeds of a model; runs, own_class: how many runs, and how many with a class of their own.
        vae, ae: latents of the main VAE and the main deterministic autoencoder; None without one.
        compared: matched pairs; main_pair: the main two models, matched or not.
        residual: the largest |loss − (reconstruction + β KL)| of any epoch, relative to the loss.
        steps: between neighbouring sizes of the sweep; from_smallest: from the smallest to every other.
        inactive: how many latents of the main VAE are.
        betas: runs with a fixed β ≠ 1; ``annealed``: runs that change it while they train.
        left_out: (why, names) of the models that take no part: "missing" values, a "condition", or other "parts".
        bits: that a validation image takes, see `measures.difference_bits`; None for other data.
        linear: every VAE of the sweep, or the main one, beside principal components; only where images are clearly
            more complex than the notebook's.
    """

    data: str
    classes: int
    images: bool
    grey: bool
    seeds: int
    runs: int
    own_class: int
    residual: float | None
    vae: int | None = None
    ae: int | None = None
    fit: Fit | None = None
    reconstructions: Reconstructions | None = None
    samples: Samples | None = None
    latent_map: LatentMap | None = None
    main_pair: Pair | None = None
    compared: tuple[Pair, ...] = ()
    sweep: tuple[SweepModel, ...] = ()
    steps: tuple[Step, ...] = ()
    from_smallest: tuple[Step, ...] = ()
    inactive: float | None = None
    betas: int = 0
    annealed: int = 0
    left_out: tuple[tuple[str, str], ...] = ()
    weighted: tuple[Weighted, ...] = ()
    bits: float | None = None
    linear: tuple[BesidePCA, ...] = ()


NOTEBOOK_BITS = 1826
"""Bits of an image of MNIST, the notebook's data, by `measures.difference_bits` of the 5,000 that come with latente."""

COMPLEX = 1.5
"""Images are clearly more complex than the notebook's from so many times their bits."""

BLOCK = 2000
"""Examples whose entropy is taken at a time."""


def gather(runs: Sequence[Run]) -> Evidence:
    """The evidence from the runs of one study.

    Raises:
        SpecError: no runs, or runs of different data.
        DataError: as `Run.data`.
    """
    if not runs or len({r.card["fingerprint"] for r in runs}) != 1:
        raise SpecError(f"findings: got {len(runs)} runs; allowed: at least one, all of one study on one data set")
    models = study_models(distinct_models(map(OpenedRun, runs))[0])
    reference = ReferenceData(runs[0].data)
    bits = measures.difference_bits(_unit(reference)) if reference.images else None
    compared = {pair: _pair(*pair, reference, matched=True) for pair in models.matched}
    main_pair = None
    if models.ae and models.vae:
        main = (models.ae, models.vae)
        main_pair = compared[main] if main in compared else _pair(*main, reference, matched=False)
    return Evidence(
        data=reference.data.name,
        classes=reference.classes,
        images=reference.images,
        grey=reference.grey and any(isinstance(r.model.likelihood, Bernoulli) for r in runs),
        seeds=min((len(m.runs) for m in (*models.vaes, *models.aes)), default=len({r.spec.seed for r in runs})),
        runs=len(runs),
        own_class=sum(type(r.model) is not Autoencoder for r in runs),
        residual=_residual(models),
        vae=models.vae.latents if models.vae else None,
        ae=models.ae.latents if models.ae else None,
        fit=fit_of(models.vae) if models.vae else None,
        reconstructions=_reconstructions(models.vae, reference) if models.vae and reference.images else None,
        samples=_samples(models.vae, reference) if models.vae else None,
        latent_map=_latent_map(models.flat, reference) if models.flat and reference.classes > 1 else None,
        main_pair=main_pair,
        compared=tuple(compared.values()),
        sweep=tuple(_size(v, models.sweep[0], reference) for v in models.sweep),
        steps=tuple(_step(a, b, reference) for a, b in zip(models.sweep, models.sweep[1:], strict=False)),
        from_smallest=tuple(_step(models.sweep[0], b, reference) for b in models.sweep[1:]),
        inactive=_inactive(models.vae, reference) if models.vae else None,
        betas=sum(len(v.runs) for v in models.vaes if v.beta not in (None, 1.0)),
        annealed=sum(len(v.runs) for v in models.vaes if v.beta is None),
        left_out=models.left_out,
        weighted=tuple(_weighted(w, plain, reference, len(models.weighted)) for w, plain in models.weighted),
        bits=bits,
        linear=_linear(models, reference) if bits is not None and bits > COMPLEX * NOTEBOOK_BITS else (),
    )


def fit_of(vae: TrainedModel) -> Fit | None:
    """How a model's losses on the training and validation parts lie; None where one is no number."""
    train = [r.evaluate("train")["loss"] for r in vae.runs]
    validation = [r.evaluate("validation")["loss"] for r in vae.runs]
    test = [r.metrics["test"]["loss"].value for r in vae.runs if "test" in r.metrics]
    zero, zero_validation = (_zero(vae.runs[0], part) for part in ("train", "validation"))
    floor = "density" if isinstance(vae.runs[0].model.likelihood, Gaussian) else "entropy"
    gaps, percents, rises, falls, courses = [], [], [], [], []
    for run, t, v in zip(vae.runs, train, validation, strict=True):
        # The two parts are independent, so their errors add.
        gaps.append(Stat(v.value - t.value, (), t.standard_error**2 + v.standard_error**2))
        if zero is not None and t.value > zero.mean():
            whole = t.value - float(zero.mean())
            variance = v.standard_error**2 + ((gaps[-1].value / whole + 1) * t.standard_error) ** 2
            percents.append(Stat(100 * gaps[-1].value / whole, (), 100**2 * variance / whole**2))
        # With early stopping the kept weights are the best epoch's.
        found = measures.course(run.history["val_loss"], kept=run.spec.train.patience > 0)
        if found is not None:
            courses.append(found)
            if zero_validation is not None and found.lowest > zero_validation.mean():
                percent = 100 / (found.lowest - float(zero_validation.mean()))
                rises.append(influence.times(found.rise, percent))
                falls.append(influence.times(found.fall, percent))
    gap = combine(gaps)
    if gap is None:
        # A loss that is no finite number: nothing follows from it.
        return None
    known = len(rises) == len(vae.runs)
    return Fit(
        train=_mean(t.value for t in train),
        validation=_mean(v.value for v in validation),
        gap=gap,
        gap_percent=combine(percents) if len(percents) == len(vae.runs) else None,
        best_epoch=_mean([c.best for c in courses] or [int(r.history["val_loss"].argmin()) + 1 for r in vae.runs]),
        epochs=_mean(len(r.history["val_loss"]) for r in vae.runs),
        rise_percent=combine(rises) if known else None,
        fall_percent=combine(falls) if known else None,
        window=min((c.window for c in courses), default=measures.WINDOW),
        zero=0.0 if zero is None else float(zero.mean()),
        floor=floor if zero is not None and zero.mean() else "",
        test=_mean(test) if len(test) == len(vae.runs) else None,
    )


def _zero(run: Run, split: str) -> NDArray[np.float64] | None:
    """The loss of a perfect model for each example of a part, from which a percentage can be taken, shape (n,).

    A normal density has a constant, and the cross-entropy of a grey value is its entropy at least; None where the
    likelihood learns more than a mean, so that no loss is perfect, and where values are missing.
    """
    likelihood, data = run.model.likelihood, run.data
    x = data.part(split).x
    if run.model.missing:
        return None
    if isinstance(likelihood, Gaussian) and not isinstance(likelihood.sigma, str):
        return np.full(len(x), 0.5 * math.prod(run.model.shape) * math.log(2 * math.pi * likelihood.sigma**2))
    if not isinstance(likelihood, Bernoulli):
        return None
    if likelihood.binarise != "none":
        return np.zeros(len(x))
    found = []
    for at in range(0, len(x), BLOCK):
        values = data.values(x[at : at + BLOCK]).reshape(len(x[at : at + BLOCK]), -1).astype(np.float64)
        found.append((entr(values) + entr(1 - values)).sum(axis=1))
    return np.concatenate(found)


def _reconstructions(vae: TrainedModel, reference: ReferenceData) -> Reconstructions:
    made = [reference.of(r).reconstructions for r in vae.runs]
    side = reference.block
    coarse = None
    if min(reference.data.shape[:2]) >= side:
        real = measures.blocks(reference.x, side)
        coarse = combine([measures.explained_variance(measures.blocks(x, side), real) for x in made])
        coarse = None if coarse is None else bounded(coarse, high=1.0)
    return Reconstructions(coarse, side, combine([measures.sharpness(x, reference.x) for x in made]))


def _samples(vae: TrainedModel, reference: ReferenceData) -> Samples:
    drawn = [reference.of(r).drawn for r in vae.runs]
    spread = combine([d.spread for d in drawn])
    if reference.classes < 2:
        return Samples(spread)
    real = reference.real_near
    assert real.label is not None
    usual = measures.effective_classes(real.label, reference.classes)
    labels = [d.near.label for d in drawn]
    found = [measures.effective_classes(of, reference.classes) for of in labels if of is not None]
    return Samples(
        spread=spread,
        effective=_mean(f.value for f in found),
        real_effective=usual.value,
        classes=combine([influence.quotient_of_sets(f, usual) for f in found]),
        ambiguous=_mean(float(d.ambiguous.mean()) for d in drawn),
        real_ambiguous=float(real.ambiguous.mean()),
        excess=influence.shares_apart([(real.ambiguous, d.ambiguous) for d in drawn]),
    )


def _latent_map(vae: TrainedModel, reference: ReferenceData) -> LatentMap:
    from sklearn.decomposition import PCA

    assert reference.y is not None and reference.train_y is not None
    rows = (len(reference.train_x), -1)
    two = PCA(2, svd_solver="randomized", random_state=0).fit(reference.train_x.reshape(rows))
    seen = two.transform(reference.x.reshape(len(reference.x), -1)), two.transform(reference.train_x.reshape(rows))
    linear = measures.neighbours(*seen, reference.train_y, reference.classes).right(reference.y)
    right = []
    for run in vae.runs:
        codes = reference.of(run)
        near = measures.neighbours(codes.codes, codes.train_codes, reference.train_y, reference.classes)
        right.append(near.right(reference.y))
    most = (reference.y == np.bincount(reference.train_y, minlength=reference.classes).argmax()).astype(np.float64)
    # Half way from the most frequent class to certainty: a share of the same examples, whose error is not left out.
    margin = [influence.mean(r - (1 + most) / 2) for r in right]
    return LatentMap(
        accuracy=influence.share(right),
        majority=float(most.mean()),
        margin=combine(margin),
        linear=float(linear.mean()),
        advantage=influence.shares_paired([(linear, r) for r in right]),
    )


def _pair(ae: TrainedModel, vae: TrainedModel, reference: ReferenceData, *, matched: bool) -> Pair:
    runs = paired_runs(ae, vae)
    seen = [(reference.of(a), reference.of(v)) for a, v in runs]
    score = "bce_per_pixel" if all("bce_per_pixel" in s.values for s in seen[0]) else "mse"
    likelihoods = {repr(r.model.likelihood) for r in runs[0]}

    def both(measure: Callable[[ModelOutputs], Stat | None]) -> list[tuple[Stat, Stat]]:
        found = [(measure(a), measure(v)) for a, v in seen]
        return [(a, v) for a, v in found if a is not None and v is not None]

    losses = both(lambda s: influence.mean(s.values["loss"]))
    scores = both(lambda s: influence.mean(s.values[score]))
    total = measures.spread(reference.x)
    variety = both(lambda s: influence.ratio(measures.spread(s.reconstructions), total))
    edges = both(lambda s: measures.sharpness(s.reconstructions, reference.x)) if reference.images else []
    drawn = [(a.fitted, v.drawn) for a, v in seen]
    doubts = [(v.ambiguous, a.ambiguous) for a, v in drawn] if reference.classes > 1 else []
    zero = _zero(vae.runs[0], "validation") if len(likelihoods) == 1 else None
    # A squared error is zero at best, a cross-entropy of grey values is not.
    least = 0.0 if score == "mse" or zero is None else zero / math.prod(reference.data.shape)
    usual = float(reference.real_passes.mean())
    return Pair(
        ae_latents=ae.latents,
        vae_latents=vae.latents,
        matched=matched,
        ae_loss=_mean(a.value for a, _ in losses),
        vae_loss=_mean(v.value for _, v in losses),
        loss_percent=None if zero is None else _percent(losses, zero),
        score="mse" if score == "mse" else "bce",
        ae_score=_mean(a.value for a, _ in scores),
        vae_score=_mean(v.value for _, v in scores),
        score_percent=_percent(scores, least),
        ae_variety=_mean(a.value for a, _ in variety),
        vae_variety=_mean(v.value for _, v in variety),
        variety=combine([influence.difference(v, a) for a, v in variety]),
        ae_sharpness=combine([a for a, _ in edges]),
        vae_sharpness=combine([v for _, v in edges]),
        sharpness=combine([influence.difference(v, a) for a, v in edges]),
        ae_energy=_mean(a.energy.value for a, _ in drawn),
        ae_normal_energy=_mean(a.normal.energy.value for a, _ in seen),
        vae_energy=_mean(v.energy.value for _, v in drawn),
        energy=combine([measures.energy_difference(v.energy, a.energy) for a, v in drawn]),
        normal_energy=combine([measures.energy_difference(v.drawn.energy, a.normal.energy) for a, v in seen]),
        ae_ambiguous=_mean(float(a.mean()) for _, a in doubts) if doubts else None,
        vae_ambiguous=_mean(float(v.mean()) for v, _ in doubts) if doubts else None,
        ambiguous=influence.shares_apart(doubts) if doubts else None,
        ae_spread=combine([a.spread for a, _ in drawn]),
        ae_new=influence.shares_ratio([a.passes for a, _ in drawn], reference.real_passes),
        ae_normal_new=_mean(float(a.normal.passes.mean()) for a, _ in seen) / usual if usual else math.nan,
        vae_new=_mean(float(v.passes.mean()) for _, v in drawn) / usual if usual else math.nan,
    )


def _percent(pairs: list[tuple[Stat, Stat]], zero: NDArray[np.float64] | float) -> Estimate | None:
    # Both means move with the examples: the ratio of paired values keeps that.
    above = [(a.influence[0] - v.influence[0], v.influence[0] - zero) for a, v in pairs]
    return combine([influence.times(influence.ratio(difference, own), 100) for difference, own in above])


def _size(vae: TrainedModel, smallest: TrainedModel, reference: ReferenceData) -> SweepModel:
    target = _mean(float(r.history["loss"][-1]) for r in smallest.runs)
    seen = [reference.of(r) for r in vae.runs]
    curves = [r.history["loss"].astype(float) for r in vae.runs]
    drawn = [s.drawn for s in seen]
    last = [100 * (c[-1] - c[-2]) / (c[0] - c[-1]) if len(c) > 1 and c[0] > c[-1] else math.nan for c in curves]
    return SweepModel(
        latents=vae.latents,
        loss=_mean(float(s.values["loss"].mean(dtype=float)) for s in seen),
        reconstruction=_mean(float(s.values["reconstruction"].mean(dtype=float)) for s in seen),
        kl=_mean(float(s.values["kl"].mean(dtype=float)) for s in seen),
        parameters=vae.runs[0].model.parameters(),
        operations=operations(vae.runs[0].model),
        epochs=_mean(len(c) for c in curves),
        epochs_to_90=_finite(_mean(measures.epochs_to(c) for c in curves)),
        epochs_to_smallest=_finite(_mean(measures.epochs_below(c, target) for c in curves)),
        rises=_finite(_mean(measures.rises(c) for c in curves)),
        last_change=_finite(_mean(last)),
        sharpness=_finite(_mean(d.sharpness.value for d in drawn if d.sharpness)) if reference.images else None,
        ambiguous=_mean(float(d.ambiguous.mean()) for d in drawn) if reference.classes > 1 else None,
        inactive=_inactive(vae, reference),
    )


def _step(small: TrainedModel, large: TrainedModel, reference: ReferenceData) -> Step:
    runs = paired_runs(small, large)
    seen = [(reference.of(a), reference.of(b)) for a, b in runs]
    curves = [tuple(r.history["loss"].astype(float) for r in pair) for pair in runs]

    def change(name: str) -> Estimate | None:
        return combine(
            [influence.difference(influence.mean(a.values[name]), influence.mean(b.values[name])) for a, b in seen]
        )

    def of_samples(measure: Callable[[SampleSet], Stat | None]) -> Estimate | None:
        found = [(measure(a.drawn), measure(b.drawn)) for a, b in seen]
        return combine([influence.difference_of_sets(x, y) for x, y in found if x is not None and y is not None])

    doubts = None
    if reference.classes > 1:
        doubts = influence.shares_apart([(a.drawn.ambiguous, b.drawn.ambiguous) for a, b in seen])
    return Step(
        first=small.latents,
        second=large.latents,
        loss=change("loss"),
        reconstruction=change("reconstruction"),
        kl=change("kl"),
        # Both are relative to the same validation images, whose share of the error does not decide the sign.
        sharpness=of_samples(lambda d: d.sharpness and Stat(d.sharpness.value, d.sharpness.influence[:1])),
        ambiguous=doubts,
        epochs_percent=influence.over_seeds(
            [100 * (measures.epochs_to(b) / measures.epochs_to(a) - 1) for a, b in curves]
        ),
        rises=influence.over_seeds([measures.rises(b) - measures.rises(a) for a, b in curves]),
    )


def _weighted(model: TrainedModel, plain: TrainedModel, reference: ReferenceData, tried: int) -> Weighted:
    def bound(seen: ModelOutputs) -> Stat:
        return influence.mean(seen.values["reconstruction"].astype(float) + seen.values["kl"])

    seen = [(reference.of(a), reference.of(b)) for a, b in paired_runs(model, plain)]
    energies = [(a.drawn.energy, b.drawn.energy) for a, b in seen]
    weight = model.kl_weight
    assert weight is not None
    return Weighted(
        beta=float(weight.at(jnp.int32(LAST_STEP))),
        steps=weight.length(),
        latents=model.latents,
        energy=_mean(a.value for a, _ in energies),
        plain_energy=_mean(b.value for _, b in energies),
        # One weight of all that were tried is enough for the claim, so that all intervals must hold together.
        change=combine([measures.energy_difference(b, a) for a, b in energies], level=bonferroni(tried)),
        bound=combine([influence.difference(bound(b), bound(a)) for a, b in seen]),
        tried=tried,
    )


def _unit(reference: ReferenceData) -> Floats:
    """Validation images from 0 to 1, by the data's own range where they are on another scale."""
    low, high = reference.data.value_range()
    if low >= 0 and high <= 1:
        return reference.x
    return (reference.x - low) / (high - low)


def _linear(models: StudyModels, reference: ReferenceData) -> tuple[BesidePCA, ...]:
    from sklearn.decomposition import PCA

    vaes = models.sweep or ((models.vae,) if models.vae else ())
    train, x = (a.reshape(len(a), -1) for a in (reference.train_x, reference.x))
    most = min(max((v.latents for v in vaes), default=0), *train.shape)
    if not most:
        return ()
    components = PCA(most, svd_solver="randomized", random_state=0).fit(train)
    codes = components.transform(x)
    found = []
    for vae in vaes:
        made = codes[:, : vae.latents] @ components.components_[: vae.latents] + components.mean_
        plain = measures.explained_variance(made, x)
        own = [measures.explained_variance(reference.of(r).reconstructions.reshape(x.shape), x) for r in vae.runs]
        advantage = combine([influence.difference(plain, o) for o in own])
        found.append(BesidePCA(vae.latents, _mean(o.value for o in own), plain.value, advantage))
    return tuple(found)


def _inactive(vae: TrainedModel, reference: ReferenceData) -> float:
    return _mean(int((reference.of(r).codes.var(axis=0) < THRESHOLD).sum()) for r in vae.runs)


def _residual(models: StudyModels) -> float | None:
    worst = []
    # A weight that changes within an epoch leaves no sum of the epoch's means.
    weights = [(v, v.beta) for v in models.vaes if v.beta is not None]
    for model, beta in [*weights, *((a, 0.0) for a in models.aes)]:
        for run in model.runs:
            for p in ("", "val_"):
                loss, first, kl = (run.history[p + k].astype(float) for k in ("loss", "reconstruction", "kl"))
                worst.append(float(np.max(np.abs(loss - (first + beta * kl)) / np.maximum(np.abs(loss), 1))))
    return _finite(max(worst, default=math.nan))


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
