"""Which runs of a study play which part in its conclusions: found from what their specs say, not from names."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from latente.evaluation.run import Run
from latente.model.autoencoder import part
from latente.spec import ModelSpec, RunSpec, as_dict


@dataclass(frozen=True, eq=False)
class Model:
    """Runs of one spec that differ by their seed only, in the order of their seeds."""

    runs: tuple[Run, ...]

    @property
    def spec(self) -> ModelSpec:
        """What they all are."""
        return self.runs[0].spec.model

    @property
    def latent_dim(self) -> int:
        """How many latents they have."""
        return self.spec.latent_dim

    @property
    def beta(self) -> float | None:
        """The KL's weight; None where the objective is no ELBO."""
        name, options = part(self.spec.objective)
        beta = options.get("beta", 1.0)
        return float(beta) if name == "elbo" and isinstance(beta, int | float) else None

    def with_seeds_of(self, other: Model) -> list[tuple[Run, Run]]:
        """Pairs (a run of this model, the other's run of the same seed)."""
        theirs = {r.spec.seed: r for r in other.runs}
        return [(r, theirs[r.spec.seed]) for r in self.runs if r.spec.seed in theirs]


@dataclass(frozen=True)
class Roles:
    """The parts that models play.

    Attributes:
        models: every model of the study.
        vae: the first with a Gaussian posterior and a prior.
        ae: the first deterministic one.
        sweep: VAEs equal in everything but their number of latents, by that number; empty below two sizes.
        matched: (deterministic, VAE of the sweep or the main one) of equal size, network, likelihood and training.
        weighted: (VAE with β ≠ 1, the VAE equal in everything but β = 1).
    """

    models: tuple[Model, ...]
    vae: Model | None
    ae: Model | None
    sweep: tuple[Model, ...]
    matched: tuple[tuple[Model, Model], ...]
    weighted: tuple[tuple[Model, Model], ...]


def find_roles(runs: Sequence[Run]) -> Roles:
    """Group runs into models, and models into roles.

    Only the two kinds that the conclusions speak of take part: the plain VAE, with any β, and the plain autoencoder.
    """
    runs = [r for r in runs if is_vae(r.spec.model) or is_ae(r.spec.model)]
    models = [Model(tuple(g)) for g in _groups(runs, lambda r: signature(r)).values()]
    # Two runs of one spec and one seed are the same run twice.
    models = [Model(tuple({r.spec.seed: r for r in reversed(m.runs)}.values())) for m in models]
    models = [Model(tuple(sorted(m.runs, key=lambda r: r.spec.seed))) for m in models]
    vaes = [m for m in models if is_vae(m.spec)]
    aes = [m for m in models if is_ae(m.spec)]
    sweeps = _groups(vaes, lambda m: signature(m.runs[0], "latent_dim")).values()
    largest = max(sweeps, key=len, default=[])
    sweep = sorted(largest, key=lambda m: m.latent_dim) if len(largest) > 1 else []
    vae = vaes[0] if vaes else None
    matched = []
    for v in dict.fromkeys([*sweep, *([vae] if vae else [])]):
        own = ("posterior", "prior", "objective")
        equal = [a for a in aes if signature(a.runs[0], *own) == signature(v.runs[0], *own)]
        equal.sort(key=lambda a: part(a.spec.posterior)[1].get("activation", "linear") != "linear")
        if equal:
            matched.append((equal[0], v))
    weighted = [
        (w, plain)
        for w in vaes
        for plain in vaes
        if w.beta not in (None, 1.0)
        and plain.beta == 1.0
        and signature(w.runs[0], "objective") == signature(plain.runs[0], "objective")
    ]
    return Roles(tuple(models), vae, aes[0] if aes else None, tuple(sweep), tuple(matched), tuple(weighted))


def is_vae(spec: ModelSpec) -> bool:
    """Whether a model is a plain VAE: Gaussian posterior, standard normal prior, ELBO, whole examples and no more."""
    parts = part(spec.posterior)[0], part(spec.prior)[0], part(spec.objective)[0], spec.condition
    return parts == ("gaussian", "standard-normal", "elbo", "none") and not spec.missing


def is_ae(spec: ModelSpec) -> bool:
    """Whether a model is a plain deterministic autoencoder of whole examples and no more."""
    parts = part(spec.posterior)[0], part(spec.objective)[0], spec.condition
    return parts == ("dirac", "reconstruction", "none") and not spec.missing


def signature(run: Run, *without: str) -> str:
    """Equal for runs of equal model and training, but for the fields named."""
    return signature_of(run.spec, *without)


def signature_of(run: RunSpec, *without: str) -> str:
    """As `signature`, of what is to be done."""
    spec = as_dict(run.model)
    parts = ("network", "posterior", "prior", "likelihood", "objective")
    plain = {k: part(v) if k in parts else v for k, v in spec.items() if k not in without}
    return json.dumps([plain, as_dict(run.train)], sort_keys=True)


def _groups(items: Iterable[Any], key: Any) -> dict[str, list[Any]]:
    groups: dict[str, list[Any]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups
