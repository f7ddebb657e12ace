"""Which runs of a study play which part in its conclusions: found from what their specs say, not from names."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
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
        """Pairs (a run of this model, the other's run of the same seed); in the order of seeds where none is shared."""
        return list(zip(*(m.runs for m in aligned([self, other])), strict=True))


@dataclass(frozen=True)
class Roles:
    """The parts that models play.

    Attributes:
        models: every model of the study that takes part.
        vae: the main VAE, and ``flat`` the main one of two latents; see `main_of`.
        ae: the main deterministic autoencoder.
        sweep: VAEs equal in everything but their number of latents, by that number, of the same seeds; empty below
            two sizes.
        matched: (deterministic, VAE of the sweep or the main one) of equal size, network, likelihood and training.
        weighted: (VAE with β ≠ 1, the VAE equal in everything but β = 1).
        left_out: (why, names) of the models that take no part; see `kept_out`.
    """

    models: tuple[Model, ...]
    vae: Model | None
    ae: Model | None
    sweep: tuple[Model, ...]
    matched: tuple[tuple[Model, Model], ...]
    weighted: tuple[tuple[Model, Model], ...]
    flat: Model | None = None
    left_out: tuple[tuple[str, str], ...] = ()


def find_roles(runs: Sequence[Run]) -> Roles:
    """Group runs into models, and models into roles.

    Only the two kinds that the conclusions speak of take part: the plain VAE, with any β, and the plain autoencoder.
    Neither the order of the runs nor that of their seeds changes what is found.
    """
    reasons: dict[str, dict[str, None]] = {}
    for run in runs:
        if reason := kept_out(run.spec.model):
            reasons.setdefault(reason, {})[run.spec.name] = None
    left_out = tuple((why, ", ".join(names)) for why, names in sorted(reasons.items()))
    runs = [r for r in runs if not kept_out(r.spec.model)]
    models = [Model(tuple(g)) for g in _groups(runs, lambda r: signature(r)).values()]
    # Two runs of one spec and one seed are the same run twice.
    models = [Model(tuple({r.spec.seed: r for r in reversed(m.runs)}.values())) for m in models]
    models = [Model(tuple(sorted(m.runs, key=lambda r: r.spec.seed))) for m in models]
    vaes = [m for m in models if is_vae(m.spec)]
    aes = [m for m in models if is_ae(m.spec)]
    sweeps = _groups(vaes, lambda m: signature(m.runs[0], "latent_dim")).values()
    largest = min(sweeps, key=lambda g: (-len(g), *_order(g[0], "latent_dim")), default=[])
    sweep = sorted(largest, key=lambda m: m.latent_dim) if len(largest) > 1 else []
    vae, flat = main_of(vaes), main_of([m for m in vaes if m.latent_dim == 2])
    matched = []
    for v in dict.fromkeys([*sweep, *([vae] if vae else [])]):
        own = ("posterior", "prior", "objective")
        equal = [a for a in aes if signature(a.runs[0], *own) == signature(v.runs[0], *own)]
        equal.sort(key=lambda a: (part(a.spec.posterior)[1].get("activation", "linear") != "linear", *_order(a)))
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
    return Roles(
        tuple(models), vae, main_of(aes), tuple(aligned(sweep)), tuple(matched), tuple(weighted), flat, left_out
    )


def main_of(models: Sequence[Model]) -> Model | None:
    """The model that conclusions about one model speak of, whatever the order of the runs.

    One with β = 1 goes before others, one that is in no sweep over latents before one that is, and then the one
    trained longest, with the fewest latents.
    """
    alike = [signature(m.runs[0], "latent_dim") for m in models]
    return min(
        models,
        key=lambda m: (m.beta not in (None, 1.0), alike.count(signature(m.runs[0], "latent_dim")) > 1, *_order(m)),
        default=None,
    )


def _order(model: Model, *without: str) -> tuple[Any, ...]:
    epochs = max(len(next(iter(r.history.values()))) for r in model.runs)
    return -epochs, *(() if without else (model.latent_dim,)), signature(model.runs[0], *without)


def aligned(models: Sequence[Model]) -> list[Model]:
    """The models with the runs of the seeds that all of them have; with as many each where they share none."""
    common = set.intersection(*({r.spec.seed for r in m.runs} for m in models)) if models else set()
    if common:
        return [Model(tuple(r for r in m.runs if r.spec.seed in common)) for m in models]
    fewest = min((len(m.runs) for m in models), default=0)
    return [Model(m.runs[:fewest]) for m in models]


def kept_out(spec: ModelSpec) -> str:
    """Why a model takes no part: values "missing", a "condition", other "parts" than a plain VAE's or autoencoder's; ""
    where it does."""
    if is_vae(spec) or is_ae(spec):
        return ""
    whole = replace(spec, missing=False)
    if is_vae(whole) or is_ae(whole):
        return "missing"
    plain = replace(whole, condition="none")
    return "condition" if is_vae(plain) or is_ae(plain) else "parts"


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
