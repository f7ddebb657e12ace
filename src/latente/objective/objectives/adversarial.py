"""Autoencoders whose codes are brought to the prior by a discriminator of codes."""

from __future__ import annotations

import equinox as eqx
import jax
from jax import Array

from latente.errors import SpecError
from latente.model.autoencoder import Autoencoder
from latente.model.nets import MLP
from latente.objective.objectives.base import Objective, Opponent, objectives
from latente.objective.objectives.codes import coded, needs_fixed_prior, needs_moving_codes
from latente.objective.objectives.critics import CodeCritic, as_tuple, check_opponent
from latente.objective.objectives.options import number
from latente.objective.terms import Batch, Terms


def fooling(name: str, weight: float, model: Autoencoder, batch: Batch, opponent: Opponent | None) -> Terms:
    """−log p(x | z) − λ log D(z): reconstruct, and pass for the prior's. The loss of the encoder does not saturate
    where the discriminator is sure (Goodfellow et al. 2014)."""
    if not isinstance(opponent, CodeCritic):
        raise SpecError(f'objective "{name}" needs its opponent: make one with objective.opponent(model, key=…)')
    found = coded(model, model.prior.given(model), batch)
    adversarial = jax.nn.softplus(-jax.vmap(opponent.logit)(found.z))
    loss = found.reconstruction + weight * adversarial
    return Terms(loss, found.reconstruction, found.kl, {"adversarial": adversarial})


def code_critic(model: Autoencoder, hidden: tuple[int, ...], act: str, rate: float, *, key: Array) -> CodeCritic:
    """A discriminator of codes for a model."""
    return CodeCritic(MLP((model.code_size, *hidden, 1), act, key=key), learning_rate=rate)


@objectives.register("adversarial", source="Makhzani et al. 2015, arXiv:1511.05644")
class Adversarial(Objective):
    """Adversarial autoencoder: −log p(x | z) − λ log D(z), against a discriminator D of the prior's codes.

    Reconstruction and regularisation are one step with one Adam, where the paper takes two; ``weight`` is λ. The
    discriminator has ``hidden`` widths and its own Adam with ``learning_rate``.
    """

    weight: float = eqx.field(static=True, default=1.0)
    hidden: tuple[int, ...] = eqx.field(static=True, default=(256, 256), converter=as_tuple)
    activation: str = eqx.field(static=True, default="elu")
    learning_rate: float = eqx.field(static=True, default=1e-3)

    def __check_init__(self) -> None:
        number('objective "adversarial"', "weight", self.weight, low=0)
        check_opponent('objective "adversarial"', self.hidden, self.activation, self.learning_rate)

    def __call__(self, model: Autoencoder, batch: Batch, opponent: Opponent | None = None) -> Terms:
        """One code an example."""
        return fooling("adversarial", self.weight, model, batch, opponent)

    def weights(self) -> dict[str, float]:
        """No KL: reconstruction and λ times the opponent's."""
        return {"reconstruction": 1.0, "adversarial": float(self.weight)}

    def check(self, model: Autoencoder) -> None:
        """Needs codes that can be moved, and a prior that learns nothing."""
        needs_moving_codes(self, model.posterior)
        needs_fixed_prior(self, model.prior)

    def opponent(self, model: Autoencoder, *, key: Array) -> Opponent:
        """A discriminator of codes."""
        return code_critic(model, self.hidden, self.activation, self.learning_rate, key=key)


@objectives.register("wae-gan", source="Tolstikhin et al. 2018, arXiv:1711.01558, eq. 4 and algorithm 1")
class WAEGAN(Objective):
    """Wasserstein autoencoder: −log p(x | z) − λ log D(z), against a discriminator D of the prior's codes.

    The same game as "adversarial" with the weight λ, ``weight``, of the paper; its cost is the squared error: that
    is the Gaussian likelihood with σ² = ½, up to a constant.
    """

    weight: float = eqx.field(static=True, default=10.0)
    hidden: tuple[int, ...] = eqx.field(static=True, default=(256, 256), converter=as_tuple)
    activation: str = eqx.field(static=True, default="elu")
    learning_rate: float = eqx.field(static=True, default=1e-3)

    def __check_init__(self) -> None:
        number('objective "wae-gan"', "weight", self.weight, low=0)
        check_opponent('objective "wae-gan"', self.hidden, self.activation, self.learning_rate)

    def __call__(self, model: Autoencoder, batch: Batch, opponent: Opponent | None = None) -> Terms:
        """One code an example."""
        return fooling("wae-gan", self.weight, model, batch, opponent)

    def weights(self) -> dict[str, float]:
        """No KL: reconstruction and λ times the opponent's."""
        return {"reconstruction": 1.0, "adversarial": float(self.weight)}

    def check(self, model: Autoencoder) -> None:
        """Needs codes that can be moved, and a prior that learns nothing."""
        needs_moving_codes(self, model.posterior)
        needs_fixed_prior(self, model.prior)

    def opponent(self, model: Autoencoder, *, key: Array) -> Opponent:
        """A discriminator of codes."""
        return code_critic(model, self.hidden, self.activation, self.learning_rate, key=key)
