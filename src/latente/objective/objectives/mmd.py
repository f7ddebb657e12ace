"""Autoencoders whose codes are matched to the prior by the maximum mean discrepancy (MMD)."""

from __future__ import annotations

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jax import Array

from latente.model.autoencoder import Autoencoder
from latente.model.options import as_tuple, number
from latente.objective.kernels import SCALES, Kernel, check_kernel, squared_mmd
from latente.objective.objectives.base import Objective, Opponent, needs_density, objectives
from latente.objective.objectives.codes import Coded, coded, needs_fixed_prior, needs_moving_codes, prior_draws
from latente.objective.terms import Batch, Terms


def kernel_for(model: Autoencoder, name: str, scales: tuple[float, ...]) -> Kernel:
    """The kernel for a model's codes: its typical squared distance is that of two draws from the prior, 2d for a
    standard normal and 2 on the unit sphere."""
    return Kernel(name, 2.0 if model.prior.space == "sphere" else 2.0 * model.code_size, scales)


def discrepancy(model: Autoencoder, batch: Batch, name: str, scales: tuple[float, ...]) -> tuple[Coded, Array]:
    """A batch encoded and decoded, and the MMD² between its codes and as many from the prior, as shape (n,)."""
    prior = model.prior.given(model)
    found = coded(model, prior, batch)
    drawn = prior_draws(prior, model.code_size, batch.keys)
    value = squared_mmd(kernel_for(model, name, scales), found.z, drawn, batch.weight, batch.weight)
    return found, jnp.full(batch.weight.shape, value)


@objectives.register("info-vae", source="Zhao et al. 2019, arXiv:1706.02262")
class InfoVAE(Objective):
    """−log p(x | z) + (1 − α) KL(q(z | x) ‖ p(z)) + (α + λ − 1) MMD²(q(z), p(z)).

    ``alpha`` is at most 1, ``weight`` is λ, and α + λ is at least 1. The MMD² is an unbiased estimate within each batch
    (`latente.objective.kernels.squared_mmd`), with a sum of kernels, ``kernel`` "imq" or "rbf", over the bandwidths
    ``scales`` · 2d; it may be negative.
    """

    alpha: float = eqx.field(static=True, default=0.0)
    weight: float = eqx.field(static=True, default=100.0)
    kernel: str = eqx.field(static=True, default="imq")
    scales: tuple[float, ...] = eqx.field(static=True, default=SCALES, converter=as_tuple)

    least: ClassVar[int] = 2

    def __check_init__(self) -> None:
        part = 'objective "info-vae"'
        number(part, "alpha", self.alpha, high=1)
        number(part, "weight", self.weight, low=1 - self.alpha)
        check_kernel(part, self.kernel, self.scales)

    def __call__(self, model: Autoencoder, batch: Batch, opponent: Opponent | None = None) -> Terms:
        """One code per example; the MMD² is that of the batch, the same for each example."""
        found, mmd = discrepancy(model, batch, self.kernel, self.scales)
        loss = found.reconstruction + (1 - self.alpha) * found.kl + (self.alpha + self.weight - 1) * mmd
        return Terms(loss, found.reconstruction, found.kl, {"mmd": mmd})

    def weights(self) -> dict[str, float]:
        """The weights in the class's formula."""
        return {"reconstruction": 1.0, "kl": 1.0 - self.alpha, "mmd": self.alpha + self.weight - 1.0}

    def check(self, model: Autoencoder) -> None:
        """Needs a posterior with a density, codes that can move continuously, and a prior."""
        needs_density(self, model)
        needs_moving_codes(self, model.posterior)
        if self.alpha == 1:
            needs_fixed_prior(self, model.prior)


class MatchedMMD(Objective):
    """−log p(x | z) + λ MMD²(q(z), p(z)): reconstruct, with codes whose distribution matches the prior."""

    weight: float = eqx.field(static=True, default=100.0)
    kernel: str = eqx.field(static=True, default="imq")
    scales: tuple[float, ...] = eqx.field(static=True, default=SCALES, converter=as_tuple)

    least: ClassVar[int] = 2

    def __check_init__(self) -> None:
        part = objectives.name_of(self)
        number(part, "weight", self.weight, low=0)
        check_kernel(part, self.kernel, self.scales)

    def __call__(self, model: Autoencoder, batch: Batch, opponent: Opponent | None = None) -> Terms:
        """One code per example; the MMD² is that of the batch, the same for each example."""
        found, mmd = discrepancy(model, batch, self.kernel, self.scales)
        return Terms(found.reconstruction + self.weight * mmd, found.reconstruction, found.kl, {"mmd": mmd})

    def weights(self) -> dict[str, float]:
        """No KL: reconstruction and λ times the MMD²."""
        return {"reconstruction": 1.0, "mmd": float(self.weight)}

    def check(self, model: Autoencoder) -> None:
        """Needs codes that can move continuously, and a prior that learns nothing."""
        needs_moving_codes(self, model.posterior)
        needs_fixed_prior(self, model.prior)


@objectives.register("mmd-vae", source="Zhao et al. 2019, arXiv:1706.02262 (α = 1)")
class MMDVAE(MatchedMMD):
    """−log p(x | z) + λ MMD²(q(z), p(z)): "info-vae" without its KL term; ``weight`` is λ."""

    def check(self, model: Autoencoder) -> None:
        """Also needs a posterior with a density."""
        needs_density(self, model)
        super().check(model)


@objectives.register("wae-mmd", source="Tolstikhin et al. 2018, arXiv:1711.01558, eq. 4 and algorithm 2")
class WAEMMD(MatchedMMD):
    """−log p(x | z) + λ MMD²(q(z), p(z)) for point or density posteriors; ``weight`` is λ.

    The paper's cost, the squared error, is the Gaussian likelihood with σ² = ½, up to a constant. A point has no KL, so
    ``kl`` is then zero.
    """

    weight: float = eqx.field(static=True, default=10.0)
