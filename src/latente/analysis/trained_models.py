"""Trained models: the runs of one model over its seeds, and which models of a study belong together."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from latente.errors import SpecError, unknown
from latente.evaluation.evaluate import Metric
from latente.evaluation.run import Run
from latente.evaluation.scores import Score
from latente.model.priors.fitted import part_of
from latente.objective.objectives import objectives
from latente.objective.schedules import Constant, Schedule, schedule
from latente.spec import ModelSpec, RunSpec, as_dict, part
from latente.training.fit import History

T = TypeVar("T")
K = TypeVar("K")


@dataclass(frozen=True)
class OpenedRun:
    """A run, and the folder it is from (None: it is not saved)."""

    run: Run
    folder: Path | None = None

    @property
    def where(self) -> str:
        """What to call it in messages."""
        return str(self.folder) if self.folder else f"run {self.run.spec.name}, seed {self.run.spec.seed}"


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """A model over its seeds: runs that differ by nothing else.

    Attributes:
        name: what it is called.
        opened: its runs with their folders; of the first one images are shown.
    """

    name: str
    opened: tuple[OpenedRun, ...]

    @property
    def runs(self) -> tuple[Run, ...]:
        """One a seed."""
        return tuple(o.run for o in self.opened)

    @property
    def first(self) -> Run:
        """The first of them."""
        return self.opened[0].run

    @property
    def seeds(self) -> tuple[int, ...]:
        """Those of its runs."""
        return tuple(r.spec.seed for r in self.runs)

    @property
    def spec(self) -> ModelSpec:
        """What all of its runs are."""
        return self.first.spec.model

    @property
    def latents(self) -> int:
        """The latent size."""
        return self.spec.latent_dim

    @property
    def beta(self) -> float | None:
        """The KL's weight; None where the objective is no ELBO, and where the weight changes during training."""
        weight = self.kl_weight
        return weight.end if isinstance(weight, Constant) else None

    @property
    def kl_weight(self) -> Schedule | None:
        """The KL's weight over the steps of training; None where the objective is no ELBO."""
        name, options = part(self.spec.objective)
        return schedule(options.get("beta", 1.0), 'beta of objective "elbo"') if name == "elbo" else None

    @property
    def kind(self) -> str:
        """ "AE" for a deterministic code without a prior, "VAE" or "β-VAE" for the ELBO, or the objective's name."""
        if part(self.spec.posterior)[0] == "dirac" and not self.has_prior:
            return "AE"
        objective = part(self.spec.objective)[0]
        if objective == "elbo":
            return "VAE" if self.is_bound else "β-VAE"
        return objective

    @property
    def is_bound(self) -> bool:
        """Whether its loss is an upper bound on −log p(x)."""
        return objectives.make(self.spec.objective).is_bound()

    @property
    def has_prior(self) -> bool:
        """Whether new codes can be drawn, so that the model can generate."""
        return part(self.spec.prior)[0] != "none"

    @property
    def has_kl(self) -> bool:
        """Whether its codes have a KL: a point, even with a prior, has none."""
        return self.has_prior and self.first.model.posterior.kind != "point"

    @property
    def epochs(self) -> tuple[int, int]:
        """The least and the greatest number of epochs trained over the seeds."""
        trained = [len(r.history["loss"]) for r in self.runs]
        return min(trained), max(trained)

    @property
    def histories(self) -> list[History]:
        """The history of each seed."""
        return [r.history for r in self.runs]

    def metric(self, split: str, name: str) -> Metric | None:
        """One seed: its value and standard error over examples. Several: their mean and standard error over seeds."""
        found = [r.metrics[split][name] for r in self.runs if name in r.metrics.get(split, {})]
        if len(found) <= 1:
            return found[0] if found else None
        values = [m.value for m in found]
        return Metric(statistics.fmean(values), statistics.stdev(values) / math.sqrt(len(values)))

    def over_seeds(self, split: str, name: str) -> NDArray[np.float64]:
        """A number that every seed has, shape (seeds,)."""
        return np.array([r.metrics[split][name].value for r in self.runs])

    def signature(self, *without: str) -> str:
        """Equal for models of equal spec and training; see `signature`."""
        return signature(self.first.spec, *without)


Sweep = tuple[TrainedModel, ...]
"""Models that differ in their latent size only, smallest first."""


def signature(run: RunSpec, *without: str) -> str:
    """Equal for runs of equal model and training, except for their seeds and the fields named."""
    parts = ("network", "posterior", "prior", "likelihood", "objective")
    plain = {k: part(v) if k in parts else v for k, v in as_dict(run.model).items() if k not in without}
    start = None if run.start is None else [run.start.fingerprint, *run.start.freeze]
    return json.dumps([plain, as_dict(run.train), *([start] if start else [])], sort_keys=True)


def grouped(items: Iterable[T], key: Callable[[T], K]) -> dict[K, list[T]]:
    """Items of equal key together, in order of appearance."""
    groups: dict[K, list[T]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups


def by_scale(models: Iterable[TrainedModel], score: Score) -> dict[str | None, list[TrainedModel]]:
    """Models whose numbers of a score mean the same together; under None those that have no such numbers."""
    return grouped(models, lambda m: score.scale(m.first))


def trained_models(runs: Iterable[Run]) -> list[TrainedModel]:
    """The models of a study: the runs of each name together, in order of appearance."""
    names = grouped(runs, lambda r: r.spec.name)
    return [TrainedModel(name, tuple(OpenedRun(r) for r in own)) for name, own in names.items()]


def distinct_models(opened: Iterable[OpenedRun]) -> tuple[list[TrainedModel], list[tuple[OpenedRun, OpenedRun]]]:
    """The models of any runs, in order of appearance; and runs left out, each with the one that it repeats.

    Runs of equal spec and training are one model, whatever they are called, in the order of their seeds; of two runs of
    one seed the second repeats the first. The name tells a fitted prior, and models of one name are numbered.
    """

    def identity(one: OpenedRun) -> str:
        prior = None if one.run.fitted is None else part_of(one.run.fitted)
        return json.dumps([signature(one.run.spec), prior], sort_keys=True)

    groups: dict[str, dict[int, OpenedRun]] = {}
    repeated = []
    for one in opened:
        seeds = groups.setdefault(identity(one), {})
        kept = seeds.setdefault(one.run.spec.seed, one)
        if kept is not one:
            repeated.append((one, kept))
    found: dict[str, TrainedModel] = {}
    for seeds in groups.values():
        first = next(iter(seeds.values())).run
        called = first.spec.name if first.fitted is None else f"{first.spec.name} + {part_of(first.fitted)['name']}"
        name, number = called, 2
        while name in found:
            name = f"{called} ({number})"
            number += 1
        found[name] = TrainedModel(name, tuple(seeds[s] for s in sorted(seeds)))
    return list(found.values()), repeated


def named(models: Iterable[TrainedModel], name: str) -> TrainedModel:
    """The model of that name.

    Raises:
        SpecError: there is none.
    """
    known = {m.name: m for m in models}
    if name not in known:
        raise SpecError(unknown("model", name, list(known)))
    return known[name]


def sweeps(models: Iterable[TrainedModel]) -> list[Sweep]:
    """Every set of models that differ in their latent size only, of two sizes or more and without a fitted prior."""
    groups = grouped((m for m in models if m.first.fitted is None), lambda m: m.signature("latent_dim"))
    sizes = [{m.latents: m for m in sorted(group, key=lambda m: m.latents)} for group in groups.values()]
    return [tuple(sweep.values()) for sweep in sizes if len(sweep) > 1]


def beta_families(models: Iterable[TrainedModel], least: int) -> list[list[TrainedModel]]:
    """Every set of models with a prior that differ in β only, smallest first, of at least so many values."""
    weighted = [m for m in models if m.beta is not None and m.has_prior]
    groups = grouped(weighted, lambda m: m.signature("objective")).values()
    families = [{b: m for m in reversed(group) if (b := m.beta) is not None} for group in groups]
    return [[m for _, m in sorted(family.items())] for family in families if len(family) >= least]


def aligned(models: Sequence[TrainedModel], least: int = 1) -> list[TrainedModel]:
    """The models with the runs of the seeds that all of them have; with as many each where they share too few seeds:
    fewer than ``least``, although each has as many."""
    if not models:
        return []
    common = set.intersection(*(set(m.seeds) for m in models))
    fewest = min(len(m.opened) for m in models)
    if len(common) < min(least, fewest):
        return [replace(m, opened=m.opened[:fewest]) for m in models]
    return [replace(m, opened=tuple(o for o in m.opened if o.run.spec.seed in common)) for m in models]


def paired_runs(first: TrainedModel, second: TrainedModel) -> list[tuple[Run, Run]]:
    """Runs of two models with the same seed; in the order of their seeds where none is shared."""
    a, b = aligned([first, second])
    return list(zip(a.runs, b.runs, strict=True))


@dataclass(frozen=True)
class StudyModels:
    """Which models of a study the notebook's conclusions are about.

    Attributes:
        vaes: the plain VAEs, with any β; aes: the plain autoencoders.
        vae: the main VAE, flat: the main one of two latents, ae: the main autoencoder; see `_main`.
        sweep: VAEs that differ in their latent size only, smallest first, over the same seeds; empty below two sizes.
        matched: (autoencoder, VAE of the sweep or the main one) of equal size, network, likelihood and training.
        weighted: (VAE with β ≠ 1 or one that changes while it trains, the VAE that differs in having β = 1 alone).
        left_out: (why, names) of the other models, by the reasons of `_role`.
    """

    vaes: tuple[TrainedModel, ...]
    aes: tuple[TrainedModel, ...]
    vae: TrainedModel | None
    flat: TrainedModel | None
    ae: TrainedModel | None
    sweep: Sweep
    matched: tuple[tuple[TrainedModel, TrainedModel], ...]
    weighted: tuple[tuple[TrainedModel, TrainedModel], ...]
    left_out: tuple[tuple[str, str], ...]


def study_models(models: Iterable[TrainedModel]) -> StudyModels:
    """Find the models that the conclusions are about, in whatever order they are given."""
    roles = grouped(models, lambda m: _role(m.spec))
    vaes, aes = roles.pop("vae", []), roles.pop("ae", [])
    sweep = min(sweeps(vaes), key=lambda s: (-len(s), *_order(s[0], "latent_dim")), default=())
    vae = _main(vaes)

    def preference(ae: TrainedModel) -> tuple[object, ...]:
        return part(ae.spec.posterior)[1].get("activation", "linear") != "linear", *_order(ae)

    matched = []
    for v in dict.fromkeys([*sweep, *([vae] if vae else [])]):
        own = ("posterior", "prior", "objective")
        equal = [a for a in aes if a.signature(*own) == v.signature(*own)]
        if equal:
            matched.append((min(equal, key=preference), v))
    return StudyModels(
        vaes=tuple(vaes),
        aes=tuple(aes),
        vae=vae,
        flat=_main([m for m in vaes if m.latents == 2]),
        ae=_main(aes),
        sweep=tuple(aligned(sweep)),
        matched=tuple(matched),
        weighted=tuple(
            (v, plain)
            for v in vaes
            for plain in vaes
            if v.beta != 1.0 and plain.beta == 1.0 and v.signature("objective") == plain.signature("objective")
        ),
        left_out=tuple(
            (why, ", ".join(dict.fromkeys(r.spec.name for m in left for r in m.runs)))
            for why, left in sorted(roles.items())
        ),
    )


def _role(spec: ModelSpec) -> str:
    """What the conclusions take a model for: "vae" (Gaussian posterior, standard normal prior, ELBO), or "ae"
    (deterministic). Or why they leave it out: other "parts", a "condition", or "missing" values."""
    posterior, prior, objective = (part(p)[0] for p in (spec.posterior, spec.prior, spec.objective))
    is_vae = (posterior, prior, objective) == ("gaussian", "standard-normal", "elbo")
    if not is_vae and (posterior, objective) != ("dirac", "reconstruction"):
        return "parts"
    return "condition" if spec.condition != "none" else "missing" if spec.missing else "vae" if is_vae else "ae"


def pairs(models: Iterable[TrainedModel]) -> list[tuple[TrainedModel, TrainedModel]]:
    """Models with a prior and those without that the conclusions compare them to, equal in all that both have."""
    return sorted(((vae, ae) for ae, vae in study_models(models).matched), key=lambda pair: pair[0].latents)


def _main(models: Sequence[TrainedModel]) -> TrainedModel | None:
    """The model that conclusions about one model speak of, whatever the order of the models.

    One with β = 1 goes before others and before an annealed copy of it, one that is in no sweep over latents before one
    that is, and then the one trained longest, with the fewest latents.
    """
    swept = {m.signature() for sweep in sweeps(models) for m in sweep}
    plain = {m.signature("objective") for m in models if m.beta == 1.0}

    def varied(m: TrainedModel) -> bool:
        return m.beta not in (None, 1.0) or (m.beta is None and m.signature("objective") in plain)

    return min(models, key=lambda m: (varied(m), m.signature() in swept, *_order(m)), default=None)


def _order(model: TrainedModel, *without: str) -> tuple[object, ...]:
    return -model.epochs[1], *(() if without else (model.latents,)), model.signature(*without)
