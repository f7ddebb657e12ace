"""The VQ-VAE's objective, for quantised codes."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp

from latente.model.autoencoder import Autoencoder
from latente.model.options import number
from latente.model.posteriors.quantised import Quantised
from latente.objective.objectives.base import Objective, Opponent, objectives, refuse
from latente.objective.objectives.codes import coded
from latente.objective.terms import Batch, Terms


@objectives.register("vq", source="van den Oord et al. 2017, arXiv:1711.00937, eq. 3")
class VectorQuantisation(Objective):
    """−log p(x | z) + ``commitment`` · ‖e(x) − sg(z)‖², with z the nearest code and a straight-through gradient.

    The rate, tokens · log entries under the uniform prior, is reported but not minimised: it is constant.
    """

    commitment: float = eqx.field(static=True, default=0.25)

    def __check_init__(self) -> None:
        number('objective "vq"', "commitment", self.commitment, low=0)

    def __call__(self, model: Autoencoder, batch: Batch, opponent: Opponent | None = None) -> Terms:
        """The nearest code of each example."""
        posterior, found = model.posterior, coded(model, model.prior.given(model), batch)
        assert isinstance(posterior, Quantised)
        distance = jax.vmap(lambda o: posterior.continuous(o) - jax.lax.stop_gradient(posterior.mean(o)))(found.outputs)
        commitment = jnp.sum(distance**2, axis=1)
        loss = found.reconstruction + self.commitment * commitment
        return Terms(loss, found.reconstruction, found.kl, {"commitment": commitment})

    def after(self, model: Autoencoder, batch: Batch) -> Autoencoder:
        """The codebook follows the encoder."""
        assert isinstance(model.posterior, Quantised)
        outputs = jax.vmap(model.encode)(batch.x, batch.context)
        renewed = model.posterior.updated(outputs, batch.weight, batch.key)
        moved: Autoencoder = eqx.tree_at(lambda m: m.posterior, model, renewed)
        return moved

    def by_example(self) -> bool:
        """Yes: the codebook does not change within a step."""
        return True

    def weights(self) -> dict[str, float]:
        """No KL: reconstruction and the commitment."""
        return {"reconstruction": 1.0, "commitment": float(self.commitment)}

    def check(self, model: Autoencoder) -> None:
        """Needs codes from a finite codebook, and a prior over them."""
        if not isinstance(model.posterior, Quantised):
            raise refuse(self, model.posterior, 'it has no finite set of codes; take posterior "vq", "rvq" or "fsq"')
        if model.prior.space != "codebook":
            raise refuse(self, model.prior, 'codes from a book need a prior over them; take "uniform-codes"')
