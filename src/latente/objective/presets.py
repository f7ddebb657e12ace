"""Named models from the literature, each a spec of a few parts."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from latente.errors import SpecError, unknown
from latente.model.likelihoods import likelihoods
from latente.model.networks import networks
from latente.model.posteriors import posteriors
from latente.model.priors import priors
from latente.objective.objectives import objectives
from latente.registry import Registry
from latente.spec import ModelSpec, Part, build, part

presets: Registry[ModelSpec] = Registry("preset")

FAMILIES: dict[str, Registry[Any]] = {
    "objective": objectives,
    "posterior": posteriors,
    "prior": priors,
    "likelihood": likelihoods,
    "network": networks,
}
"""The fields of a model's spec that are parts, and their registries."""


def _named(name: str, summary: str, source: str, *, hidden: tuple[int, ...] = (256, 128), **parts: Any) -> None:
    """Register a preset: the plain VAE with other parts."""

    def preset(latent_dim: int = 10, *, hidden: tuple[int, ...] = hidden, **changes: Any) -> ModelSpec:
        return _spec({"hidden": hidden, "latent_dim": latent_dim, **parts}, changes)

    preset.__name__ = preset.__qualname__ = name
    preset.__doc__ = (
        f"{summary}.\n\n    {source}.\n\n"
        "    ``changes`` replaces any of `ModelSpec`, or sets an option of one of the parts by its name.\n\n"
        "    Raises:\n        SpecError: a name is unknown, or a value is of the wrong type or range.\n"
    )
    presets.register(name, source=source)(preset)


@presets.register("VAE", source="Kingma & Welling 2014, arXiv:1312.6114")
def VAE(latent_dim: int = 2, *, hidden: tuple[int, ...] = (256, 128), **changes: Any) -> ModelSpec:
    """The notebook's variational autoencoder.

    Gaussian posterior, standard normal prior, Bernoulli likelihood, ELBO; ``changes`` replaces any of `ModelSpec`,
    or sets an option of one of the parts by its name.

    Raises:
        SpecError: a name is unknown, or a value is of the wrong type or range.
    """
    return _spec({"hidden": hidden, "latent_dim": latent_dim}, changes)


@presets.register("AE", source="Hinton & Salakhutdinov 2006")
def AE(
    latent_dim: int = 32, *, hidden: tuple[int, ...] = (256,), code_activation: str = "relu", **changes: Any
) -> ModelSpec:
    """The notebook's deterministic autoencoder, 784-256-32-256-784 with a relu code by default.

    Raises:
        SpecError: a name is unknown, or a value is of the wrong type or range.
    """
    dirac = {"name": "dirac", "activation": code_activation}
    fixed = {"posterior": dirac, "prior": "none", "objective": "reconstruction"}
    return _spec({"hidden": hidden, "latent_dim": latent_dim, **fixed}, changes)


# A deterministic code without a prior.
POINT: dict[str, Any] = {"posterior": "dirac", "prior": "none"}
# A deterministic code that the objective matches to a prior.
MATCHED: dict[str, Any] = {"posterior": "dirac", "prior": "standard-normal"}

# What the objective changes.
_named("BetaVAE", "A VAE whose KL is weighted by β", "Higgins et al. 2017", objective={"name": "elbo", "beta": 4.0})
_named(
    "WarmupVAE",
    "A VAE whose KL is warmed up linearly",
    "Sønderby et al. 2016, arXiv:1602.02282",
    objective={"name": "elbo", "beta": {"name": "linear", "steps": 100}},
)
_named(
    "CyclicalVAE",
    "A VAE whose KL is warmed up in cycles",
    "Fu et al. 2019, arXiv:1903.10145",
    objective={"name": "elbo", "beta": {"name": "cyclical", "steps": 100}},
)
_named("CapacityVAE", "A VAE with a target rate", "Burgess et al. 2018, arXiv:1804.03599", objective="capacity")
_named("FreeBitsVAE", "A VAE with free bits per latent", "Kingma et al. 2016, arXiv:1606.04934", objective="free-bits")
_named("IWAE", "An importance-weighted autoencoder", "Burda et al. 2016, arXiv:1509.00519", objective="iwae")
_named(
    "DReGIWAE",
    "An IWAE with doubly reparametrised gradients",
    "Tucker et al. 2019, arXiv:1810.04152",
    objective="dreg-iwae",
)
_named("MIWAE", "A mean of IWAE bounds", "Rainforth et al. 2018, arXiv:1802.04537", objective="miwae")
_named("CIWAE", "A mixture of ELBO and IWAE bound", "Rainforth et al. 2018, arXiv:1802.04537", objective="ciwae")
_named(
    "PIWAE",
    "The encoder trained on MIWAE, the decoder on IWAE",
    "Rainforth et al. 2018, arXiv:1802.04537",
    objective="piwae",
)
_named(
    "BetaTCVAE",
    "A VAE with a larger weight on total correlation",
    "Chen et al. 2018, arXiv:1802.04942",
    objective="beta-tc",
)
_named(
    "DIPVAE",
    "A VAE whose codes' covariance is pulled towards the identity",
    "Kumar et al. 2018, arXiv:1711.00848",
    objective={"name": "dip-vae", "kind": "ii"},
)
_named(
    "FactorVAE",
    "A VAE with a penalty on total correlation, estimated by a discriminator",
    "Kim & Mnih 2018, arXiv:1802.05983",
    objective="factor-vae",
)
_named("InfoVAE", "ELBO with an MMD", "Zhao et al. 2019, arXiv:1706.02262", objective="info-vae")
_named("MMDVAE", "Reconstruction with an MMD", "Zhao et al. 2019, arXiv:1706.02262", objective="mmd-vae")
_named(
    "VAEGAN",
    "A VAE that reconstructs in a discriminator's features",
    "Larsen et al. 2016, arXiv:1512.09300",
    # A small discriminator has few features, and their error is so small that with the full KL no latent is used.
    objective={"name": "vae-gan", "beta": 0.05},
)
_named("M2", "A semi-supervised VAE that also learns labels", "Kingma et al. 2014, arXiv:1406.5298", objective="m2")

# Deterministic codes.
_named("DenoisingAE", "An autoencoder with corrupted inputs", "Vincent et al. 2008", **POINT, objective="denoising")
_named("ContractiveAE", "An autoencoder with a flat encoder", "Rifai et al. 2011", **POINT, objective="contractive")
_named(
    "SparseAE", "An autoencoder with few active codes", "Ng 2011; Olshausen & Field 1996", **POINT, objective="sparse"
)
_named("RAE", "A regularised autoencoder", "Ghosh et al. 2020, arXiv:1903.12436", **POINT, objective="regularised")
_named(
    "WAE",
    "A Wasserstein autoencoder with MMD",
    "Tolstikhin et al. 2018, arXiv:1711.01558",
    **MATCHED,
    objective="wae-mmd",
)
_named(
    "WAEGAN",
    "A Wasserstein autoencoder with a discriminator",
    "Tolstikhin et al. 2018, arXiv:1711.01558",
    **MATCHED,
    objective="wae-gan",
)
_named(
    "AAE", "An adversarial autoencoder", "Makhzani et al. 2015, arXiv:1511.05644", **MATCHED, objective="adversarial"
)

# What the likelihood changes.
_named(
    "SigmaVAE",
    "A Gaussian VAE that learns its σ",
    "Rybkin et al. 2021, arXiv:2006.13202",
    likelihood={"name": "gaussian", "sigma": "learned"},
)
_named(
    "ContinuousBernoulliVAE",
    "A VAE with a likelihood for grey values",
    "Loaiza-Ganem & Cunningham 2019, arXiv:1907.06845",
    likelihood="continuous-bernoulli",
)
_named(
    "DiscretisedVAE",
    "A VAE for 8-bit values",
    "Kingma et al. 2016, arXiv:1606.04934",
    likelihood="discretised-logistic",
)

# What the posterior changes.
_named(
    "FullCovarianceVAE",
    "A VAE whose latents may correlate given x",
    "Kingma & Welling 2019, arXiv:1906.02691",
    posterior="full-gaussian",
)
_named(
    "HypersphericalVAE",
    "A VAE with codes on the sphere",
    "Davidson et al. 2018, arXiv:1804.00891",
    posterior="von-mises-fisher",
    prior="uniform-sphere",
)
_named("IAFVAE", "A VAE with autoregressive flows", "Kingma et al. 2016, arXiv:1606.04934", posterior="iaf")
_named("FlowVAE", "A VAE with planar flows", "Rezende & Mohamed 2015, arXiv:1505.05770", posterior="flow")
_named(
    "CategoricalVAE",
    "A VAE with categorical latents",
    "Jang et al. 2017, arXiv:1611.01144",
    posterior="gumbel-softmax",
    prior="uniform-categorical",
)

# What the prior changes.
_named("VampVAE", "A VAE with a VampPrior", "Tomczak & Welling 2018, arXiv:1705.07120", prior="vamp")
_named("GMVAE", "A VAE with a learnt mixture prior", "Jiang et al. 2017, arXiv:1611.05148", prior="gaussian-mixture")
_named("FlowPriorVAE", "A VAE with a flow prior", "Huang et al. 2017, arXiv:1710.02248", prior="realnvp")

# What the codebook changes.
_named(
    "VQVAE",
    "A VAE with a codebook",
    "van den Oord et al. 2017, arXiv:1711.00937",
    posterior="vq",
    prior="uniform-codes",
    objective="vq",
)
_named(
    "RVQVAE",
    "A VAE with residual codebooks",
    "Zeghidour et al. 2021, arXiv:2107.03312",
    posterior="rvq",
    prior="uniform-codes",
    objective="vq",
)
_named(
    "FSQVAE",
    "A VAE whose codes are rounded",
    "Mentzer et al. 2023, arXiv:2309.15505",
    posterior="fsq",
    prior="uniform-codes",
    objective="vq",
)

# What the network and the condition change.
_named("CVAE", "A VAE conditioned on the label", "Sohn et al. 2015", condition="labels")
_named("ConvVAE", "A convolutional VAE", "Kingma & Welling 2014; LeCun et al. 1998", network="conv", hidden=(16, 32))
_named(
    "ResidualVAE",
    "A residual VAE",
    "He et al. 2016, arXiv:1603.05027",
    network={"name": "residual", "blocks": 1},
    hidden=(16, 32),
)


def preset(name: str, *args: Any, **changes: Any) -> ModelSpec:
    """The model of a named preset, for instance ``preset("BetaVAE", 10, beta=4.0)``.

    Args:
        name: see ``latente models``.
        args: the number of latents, if it differs from the preset's.
        changes: any of `ModelSpec`, or an option of one of the parts.

    Raises:
        SpecError: the name or an option is unknown, or a value is of the wrong type or range.
    """
    return presets[name](*args, **changes)


def changed(spec: ModelSpec, **changes: Any) -> ModelSpec:
    """A spec with other fields of `ModelSpec`, or other options of its parts by their names, as `preset` takes them.

    Raises:
        SpecError: as `preset`.
    """
    return _spec({f: getattr(spec, f) for f in ModelSpec.__dataclass_fields__}, changes)


def keywords(name: str, spec: ModelSpec) -> list[str]:
    """The keyword arguments of a preset: the fields of `ModelSpec`, and the options of its parts."""
    fields = ModelSpec.__dataclass_fields__
    taken = inspect.signature(presets[name]).parameters.values() if name in presets else ()
    own = [p.name for p in taken if p.kind is not p.VAR_KEYWORD and p.name not in fields]
    return [*fields, *own, *(o for o, _ in _options(spec))]


def _options(spec: ModelSpec) -> list[tuple[str, str]]:
    """The pair (option, field) for every option of every part."""
    return [(o, field) for field, family in FAMILIES.items() for o in family.options(part(getattr(spec, field))[0])]


def _spec(parts: Mapping[str, Any], changes: Mapping[str, Any]) -> ModelSpec:
    fields = ModelSpec.__dataclass_fields__
    spec = build(ModelSpec, {**parts, **{k: v for k, v in changes.items() if k in fields}}, "model")
    loose = {k: v for k, v in changes.items() if k not in fields}
    options_of = _options(spec)
    updated: dict[str, Part] = {}
    for option, value in loose.items():
        homes = [field for o, field in options_of if o == option]
        if not homes:
            raise SpecError(unknown("key in model", option, [*fields, *(o for o, _ in options_of)]))
        if len(homes) > 1:
            raise SpecError(
                f'"{option}" is an option of the {" and of the ".join(homes)}; give it where it belongs, for instance '
                f'{homes[0]} = {{name = "{part(getattr(spec, homes[0]))[0]}", {option} = …}}'
            )
        field = homes[0]
        name, options = part(updated.get(field, getattr(spec, field)))
        updated[field] = {"name": name, **options, option: value}
    return build(ModelSpec, {**{f: getattr(spec, f) for f in fields}, **updated}, "model")
