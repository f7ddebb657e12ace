"""What the conclusions rest on: plain numbers of one study, without models or data."""

from __future__ import annotations

from dataclasses import dataclass

from latente.evaluation.findings.measures import Estimate


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
        ambiguous, real_ambiguous: shares of ambiguous ones.
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
        majority: share of the class that is the most frequent of the training part.
        margin: accuracy − the middle of that share and 1.
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
class Size:
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

    ``epochs_percent`` is the change of `Size.epochs_to_90` in percent of the first, ``rises`` in percentage points:
    both None with one seed, for a single curve has no interval.
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
    """A VAE with another weight β of the KL than 1, against the VAE equal in everything but β = 1.

    Attributes:
        beta, latents: its weight and size.
        energy, plain_energy: energy distance of prior samples from validation examples, its own and the other's.
        change: their difference, its own − the other's; its interval holds together with those of all weights.
        bound: the same difference of validation reconstruction + KL, weighed with 1, in nats.
        tried: how many weights were.
    """

    beta: float
    latents: int
    energy: float
    plain_energy: float
    change: Estimate | None
    bound: Estimate | None
    tried: int = 1


@dataclass(frozen=True)
class Evidence:
    """Everything that the rules of `latente.evaluation.findings` look at.

    Attributes:
        data: the data set's name; ``train``, ``validation`` its counts; ``classes`` of labels, 0 without.
        images: whether edges mean anything: examples are images and not all flat.
        grey: whether a Bernoulli likelihood scores values that are not all 0 or 1.
        seeds: the fewest seeds of a model; runs, own_class: how many runs, and how many with a class of their own.
        vae, ae: latents of the main VAE and the main deterministic autoencoder; None without one.
        compared: matched pairs; main_pair: the main two models, matched or not.
        residual: the largest |loss − (reconstruction + β KL)| of any epoch, relative to the loss.
        steps: between neighbouring sizes of the sweep; from_smallest: from the smallest to each other.
        inactive, latents: of the main VAE.
        betas: runs with a fixed β ≠ 1; ``annealed``: runs that change it while they train.
        left_out: (why, names) of the models that take no part: "missing" values, a "condition", or other "parts".
    """

    data: str
    train: int
    validation: int
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
    sweep: tuple[Size, ...] = ()
    steps: tuple[Step, ...] = ()
    from_smallest: tuple[Step, ...] = ()
    inactive: float | None = None
    betas: int = 0
    annealed: int = 0
    left_out: tuple[tuple[str, str], ...] = ()
    weighted: tuple[Weighted, ...] = ()
