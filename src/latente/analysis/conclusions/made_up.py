"""A study's numbers, made up: they prove the notebook's conclusions, and are the examples of their pages.

On `GOOD` every conclusion holds; on each of `TURNED` the one fails that it is named after.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from latente.analysis.conclusions.evidence import (
    BesidePCA,
    Evidence,
    Fit,
    LatentMap,
    Pair,
    Reconstructions,
    Samples,
    Step,
    SweepModel,
    Weighted,
)
from latente.evaluation.metrics.intervals import Estimate


def near(value: float, half: float = 0.01) -> Estimate:
    """A made-up value with its interval."""
    return Estimate(value, value - half, value + half)


PAIR = Pair(
    ae_latents=8, vae_latents=8, matched=True, ae_loss=100.0, vae_loss=102.0, loss_percent=near(-2),
    score="bce", ae_score=0.10, vae_score=0.102, score_percent=near(-2),
    ae_variety=0.6, vae_variety=0.7, variety=near(-0.1),
    ae_sharpness=near(0.9), vae_sharpness=near(0.8), sharpness=near(0.1),
    ae_energy=0.5, ae_normal_energy=3.0, vae_energy=0.3, energy=near(0.2), normal_energy=near(2.7),
    ae_ambiguous=0.4, vae_ambiguous=0.2, ambiguous=near(0.2),
    ae_spread=near(0.8), ae_new=near(0.2), ae_normal_new=0.1, vae_new=0.9,
)  # fmt: skip

SMALL = SweepModel(
    latents=2, loss=157.0, reconstruction=151.5, kl=5.5, parameters=1000, operations=2000, epochs=10,
    epochs_to_90=8.0, epochs_to_smallest=10.0, rises=2.0, last_change=-0.1, sharpness=0.4, ambiguous=0.3, inactive=0,
)  # fmt: skip

LARGE = replace(
    SMALL, latents=32, loss=113.2, reconstruction=93.1, kl=20.1, parameters=1200, operations=2400,
    epochs_to_90=4.0, epochs_to_smallest=2.5, rises=0.5, sharpness=0.6, ambiguous=0.1, inactive=3,
)  # fmt: skip

STEP = Step(
    first=2, second=32, loss=near(-43.8), reconstruction=near(-58.4), kl=near(14.6), sharpness=near(0.2),
    ambiguous=near(-0.2), epochs_percent=near(-50), rises=near(-1.5),
)  # fmt: skip

WEIGHTED = Weighted(beta=0.5, latents=32, energy=0.2, plain_energy=0.4, change=near(-0.2), bound=near(1.0))

LINEAR = BesidePCA(latents=2, explained=0.5, linear=0.4, advantage=near(0.1))


GOOD = Evidence(
    data="made-up", classes=10, images=True, grey=True, seeds=1, runs=6, own_class=6,
    residual=1e-7, vae=2, ae=32,
    fit=Fit(100.0, 101.0, near(1.0), near(1.0), 19, 20, near(0.1), near(0.1), 5, 46.0, "entropy", 101.5),
    reconstructions=Reconstructions(near(0.8), 4, near(0.8)),
    samples=Samples(near(0.8), 9.5, 9.9, near(0.96), 0.3, 0.1, near(0.2)),
    latent_map=LatentMap(near(0.8), 0.1, near(0.25), 0.4, near(0.4)),
    main_pair=replace(PAIR, ae_latents=32, vae_latents=2, matched=False),
    compared=(PAIR,), sweep=(SMALL, LARGE), steps=(STEP,), from_smallest=(STEP,), inactive=0, betas=1,
    weighted=(WEIGHTED,), bits=4000.0, linear=(LINEAR, replace(LINEAR, latents=32)),
)  # fmt: skip

_RISES = replace(STEP, reconstruction=near(1), kl=near(-1), loss=near(1), sharpness=near(-0.1))

_SWEPT = replace(GOOD, steps=(_RISES,), from_smallest=(_RISES,))

_WORSE = replace(GOOD, compared=(replace(PAIR, energy=near(-0.1), ambiguous=near(-0.1)),))

TURNED: Mapping[str, Evidence] = {
    "performance": replace(
        GOOD,
        fit=Fit(100.0, 121.8, near(21.8), near(40, 2), 8, 20, near(3), near(3), 5, 46.0, "entropy"),
    ),
    "reconstructions": replace(GOOD, reconstructions=Reconstructions(near(0.3), 4, near(0.5))),
    "samples": replace(GOOD, samples=Samples(near(0.3), 4.0, 9.9, near(0.4), 0.1, 0.2, near(-0.1))),
    "latent_space": replace(GOOD, latent_map=LatentMap(near(0.5), 0.1, near(-0.05), 0.6, near(-0.1))),
    "autoencoder": _WORSE,
    "latent_sizes": _SWEPT,
    "challenges": replace(GOOD, own_class=0),
    "next_steps": replace(GOOD, weighted=(replace(WEIGHTED, change=near(0.1)),)),
    "extra_autoencoder": _WORSE,
    "extra_losses": _SWEPT,
    "extra_convergence": _SWEPT,
    "extra_samples": _SWEPT,
    "extra_future": _SWEPT,
}
