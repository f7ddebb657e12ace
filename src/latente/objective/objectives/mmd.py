"""Autoencoders whose codes are brought to the prior by the maximum mean discrepancy."""

from __future__ import annotations

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jax import Array

from latente.model.autoencoder import Autoencoder
from latente.objective.kernels import SCALES, Kernel, check_kernel, squared_mmd
from latente.objective.objectives.base import Objective, Opponent, needs_density, objectives
from latente.objective.objectives.codes import Coded, coded, needs_fixed_prior, needs_moving_codes, prior_draws
from latente.objective.objectives.critics import as_tuple
from latente.objective.objectives.options import number
from latente.objective.terms import Batch, Terms


def kernel_for(model: Autoencoder, name: str, scales: tuple[float, ...]) -> Kernel:
    """The kernel for a model's codes: its typical squared distance is that of two draws from the usual prior, 2d from
    a standard normal and 2 on the unit sphere."""
    return Kernel(name, 2.0 if model.prior.space == "sphere" else 2.0 * model.code_size, scales)


def discrepancy(model: Autoencoder, batch: Batch, name: str, scales: tuple[float, ...]) -> tuple[Coded, Array]:
    """A batch encoded and decoded, and the MMD² of its codes and as many of the prior's, broadcast to shape (n,)."""
    prior = model.prior.given(model)
    found = coded(model, prior, batch)
    drawn = prior_draws(prior, model.code_size, batch.keys)
    value = squared_mmd(kernel_for(model, name, scales), found.z, drawn, batch.weight, batch.weight)
    return found, jnp.full(batch.weight.shape, value)


@objectives.register("info-vae", source="Zhao et al. 2019, arXiv:1706.02262")
class InfoVAE(Objective):
    """−log p(x | z) + (1 − α) KL(q(z | x) ‖ p(z)) + (α + λ − 1) MMD²(q(z), p(z)).

    ``alpha`` is at most 1, ``weight`` is λ, and α + λ of at least 1. The MMD² is an unbiased estimate within each
    batch (`latente.objective.kernels.squared_mmd`), of a sum of kernels, ``kernel`` "imq" or "rbf", over the
    bandwidths ``scales`` · 2d; it may fall below zero.
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
        check_kernel('objective "info-vae"', self.kernel, self.scales)

    def __call__(self, model: Autoencoder, batch: Batch, opponent: Opponent | None = None) -> Terms:
        """One code an example; the MMD² is of the batch, the same for each example."""
        found, mmd = discrepancy(model, batch, self.kernel, self.scales)
        loss = found.reconstruction + (1 - self.alpha) * found.kl + (self.alpha + self.weight - 1) * mmd
        return Terms(loss, found.reconstruction, found.kl, {"mmd": mmd})

    def weights(self) -> dict[str, float]:
        """As the class says."""
        return {"reconstruction": 1.0, "kl": 1.0 - self.alpha, "mmd": self.alpha + self.weight - 1.0}

    def check(self, model: Autoencoder) -> None:
        """Needs a posterior with a density, codes that can be moved, and a prior."""
        needs_density(self, model)
        needs_moving_codes(self, model.posterior)
        if self.alpha == 1:
            needs_fixed_prior(self, model.prior)


@objectives.register("mmd-vae", source="Zhao et al. 2019, arXiv:1706.02262 (α = 1)")
class MMDVAE(Objective):
    """−log p(x | z) + λ MMD²(q(z), p(z)): "info-vae" without the KL of each example; ``weight`` is λ."""

    weight: float = eqx.field(static=True, default=100.0)
    kernel: str = eqx.field(static=True, default="imq")
    scales: tuple[float, ...] = eqx.field(static=True, default=SCALES, converter=as_tuple)

    least: ClassVar[int] = 2

    def __check_init__(self) -> None:
        number('objective "mmd-vae"', "weight", self.weight, low=0)
        check_kernel('objective "mmd-vae"', self.kernel, self.scales)

    def __call__(self, model: Autoencoder, batch: Batch, opponent: Opponent | None = None) -> Terms:
        """One code an example; the MMD² is of the batch, the same for each example."""
        found, mmd = discrepancy(model, batch, self.kernel, self.scales)
        return Terms(found.reconstruction + self.weight * mmd, found.reconstruction, found.kl, {"mmd": mmd})

    def weights(self) -> dict[str, float]:
        """No KL: reconstruction and λ times the MMD²."""
        return {"reconstruction": 1.0, "mmd": float(self.weight)}

    def check(self, model: Autoencoder) -> None:
        """Needs a posterior with a density, codes that can be moved, and a prior that learns nothing."""
        needs_density(self, model)
        needs_moving_codes(self, model.posterior)
        needs_fixed_prior(self, model.prior)


@objectives.register("wae-mmd", source="Tolstikhin et al. 2018, arXiv:1711.01558, eq. 4 and algorithm 2")
class WAEMMD(Objective):
    """−log p(x | z) + λ MMD²(q(z), p(z)) for points or densities; ``weight`` is λ.

    The paper's cost is the squared error: that is the Gaussian likelihood with σ² = ½, up to a constant. For a point
    ``kl`` is zero, for it has none.
    """

    weight: float = eqx.field(static=True, default=10.0)
    kernel: str = eqx.field(static=True, default="imq")
    scales: tuple[float, ...] = eqx.field(static=True, default=SCALES, converter=as_tuple)

    least: ClassVar[int] = 2

    def __check_init__(self) -> None:
        number('objective "wae-mmd"', "weight", self.weight, low=0)
        check_kernel('objective "wae-mmd"', self.kernel, self.scales)

    def __call__(self, model: Autoencoder, batch: Batch, opponent: Opponent | None = None) -> Terms:
        """One code an example; the MMD² is of the batch, the same for each example."""
        found, mmd = discrepancy(model, batch, self.kernel, self.scales)
        return Terms(found.reconstruction + self.weight * mmd, found.reconstruction, found.kl, {"mmd": mmd})

    def weights(self) -> dict[str, float]:
        """No KL: reconstruction and λ times the MMD²."""
        return {"reconstruction": 1.0, "mmd": float(self.weight)}

    def check(self, model: Autoencoder) -> None:
        """Needs codes that can be moved, and a prior that learns nothing."""
        needs_moving_codes(self, model.posterior)
        needs_fixed_prior(self, model.prior)
