"""The one value that every objective returns."""

from __future__ import annotations

import equinox as eqx
from jax import Array


class Terms(eqx.Module):
    """Per-example values in nats, each of shape (n,), summed over dimensions; all are losses, so lower is better.

    Attributes:
        loss: what is minimised.
        reconstruction: −log p(x | z), the distortion.
        kl: KL(q(z | x) ‖ p(z)), the rate; zero where the model has no prior.
        penalties: anything else that the loss adds, by name.
    """

    loss: Array
    reconstruction: Array
    kl: Array
    penalties: dict[str, Array] = eqx.field(default_factory=dict)

    def named(self) -> dict[str, Array]:
        """Every term by its name, the loss first."""
        return {"loss": self.loss, "reconstruction": self.reconstruction, "kl": self.kl, **self.penalties}
