"""Named models: each a spec of a few parts."""

from __future__ import annotations

from typing import Any

from latente.registry import Registry
from latente.spec import ModelSpec, build

presets: Registry[ModelSpec] = Registry("preset")


@presets.register("VAE")
def VAE(latent_dim: int = 2, *, hidden: tuple[int, ...] = (256, 128), **parts: Any) -> ModelSpec:
    """The notebook's variational autoencoder (Kingma & Welling 2014, arXiv:1312.6114).

    Gaussian posterior, standard normal prior, Bernoulli likelihood, ELBO; ``parts`` replaces any of `ModelSpec`.

    Raises:
        SpecError: a value is of the wrong type or range.
    """
    return _spec(parts, latent_dim=latent_dim, hidden=hidden)


@presets.register("AE")
def AE(
    latent_dim: int = 32, *, hidden: tuple[int, ...] = (256,), code_activation: str = "relu", **parts: Any
) -> ModelSpec:
    """The notebook's deterministic autoencoder, 784-256-32-256-784 with a relu code by default.

    Raises:
        SpecError: a value is of the wrong type or range.
    """
    dirac = {"name": "dirac", "activation": code_activation}
    fixed = {"posterior": dirac, "prior": "none", "objective": "reconstruction"}
    return _spec({**fixed, **parts}, latent_dim=latent_dim, hidden=hidden)


def _spec(parts: dict[str, Any], **rest: Any) -> ModelSpec:
    return build(ModelSpec, {**rest, **parts}, "model")
