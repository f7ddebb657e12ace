"""Autoencoders whose codes are matched to the prior by a discriminator of codes."""

from __future__ import annotations

import equinox as eqx
import jax
from jax import Array

from latente.model.autoencoder import Autoencoder
from latente.model.nets import MLP
from latente.model.options import as_tuple, number
from latente.objective.objectives.base import Objective, Opponent, no_opponent, objectives
from latente.objective.objectives.codes import coded, needs_fixed_prior, needs_moving_codes
from latente.objective.objectives.critics import CodeCritic, check_opponent
from latente.objective.terms import Batch, Terms


@objectives.register("adversarial", source="Makhzani et al. 2015, arXiv:1511.05644")
class Adversarial(Objective):
    """Adversarial autoencoder: −log p(x | z) − λ log D(z), against a discriminator D of the prior's codes.

    Reconstruction and regularisation are one step with one Adam, whereas the paper takes two; ``weight`` is λ. The
    discriminator has ``hidden`` widths and its own Adam with ``learning_rate``. The encoder's loss does not saturate
    where the discriminator is certain (Goodfellow et al. 2014).
    """

    weight: float = eqx.field(static=True, default=1.0)
    hidden: tuple[int, ...] = eqx.field(static=True, default=(256, 256), converter=as_tuple)
    activation: str = eqx.field(static=True, default="elu")
    learning_rate: float = eqx.field(static=True, default=1e-3)

    def __check_init__(self) -> None:
        part = objectives.name_of(self)
        number(part, "weight", self.weight, low=0)
        check_opponent(part, self.hidden, self.activation, self.learning_rate)

    def __call__(self, model: Autoencoder, batch: Batch, opponent: Opponent | None = None) -> Terms:
        """One code per example."""
        if not isinstance(opponent, CodeCritic):
            raise no_opponent(self)
        found = coded(model, model.prior.given(model), batch)
        adversarial = jax.nn.softplus(-jax.vmap(opponent.logit)(found.z))
        loss = found.reconstruction + self.weight * adversarial
        return Terms(loss, found.reconstruction, found.kl, {"adversarial": adversarial})

    def weights(self) -> dict[str, float]:
        """No KL: reconstruction and λ times the adversarial term."""
        return {"reconstruction": 1.0, "adversarial": float(self.weight)}

    def check(self, model: Autoencoder) -> None:
        """Needs codes that can move continuously, and a prior that learns nothing."""
        needs_moving_codes(self, model.posterior)
        needs_fixed_prior(self, model.prior)

    def opponent(self, model: Autoencoder, *, key: Array) -> Opponent:
        """A discriminator of codes."""
        net = MLP((model.code_size, *self.hidden, 1), self.activation, key=key)
        return CodeCritic(net, learning_rate=self.learning_rate)


@objectives.register("wae-gan", source="Tolstikhin et al. 2018, arXiv:1711.01558, eq. 4 and algorithm 1")
class WAEGAN(Adversarial):
    """Wasserstein autoencoder: −log p(x | z) − λ log D(z), against a discriminator D of the prior's codes.

    It is "adversarial" with the paper's weight λ, ``weight``; the paper's cost, the squared error, is the Gaussian
    likelihood with σ² = ½, up to a constant.
    """

    weight: float = eqx.field(static=True, default=10.0)
