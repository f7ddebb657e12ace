"""The runs of one model over its seeds, and which of a study's models play which part: found from their specs."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from latente.analysis.open_runs import Opened
from latente.errors import SpecError, unknown
from latente.evaluation.evaluate import Metric
from latente.evaluation.run import Run
from latente.language.words import Words
from latente.model.priors.fitted import part_of
from latente.objective.objectives import objectives
from latente.spec import ModelSpec, Part, RunSpec, as_dict, part
from latente.training.fit import History

LEAST = 3
"""Models that differ in β, from which there is a curve to draw."""


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


@dataclass(frozen=True)
class Contender:
    """A model: runs that differ by their seed only, in the order of their seeds."""

    name: str
    opened: tuple[Opened, ...]

    @property
    def runs(self) -> tuple[Run, ...]:
        """One a seed."""
        return tuple(o.run for o in self.opened)

    @property
    def first(self) -> Run:
        """That of the lowest seed."""
        return self.opened[0].run

    @property
    def seeds(self) -> tuple[int, ...]:
        """Of its runs."""
        return tuple(r.spec.seed for r in self.runs)


def contenders(opened: Sequence[Opened]) -> tuple[list[Contender], list[tuple[Opened, Opened]]]:
    """The models that runs are of, in order of appearance; and runs left out, each with the one that it repeats.

    Runs of one model and training are one model, whatever they are called; two of the same seed are the same twice.
    A prior that was fitted is in the name; models of one name get a number each.
    """
    groups: dict[str, dict[int, Opened]] = {}
    twice = []
    for one in opened:
        prior = None if one.run.fitted is None else part_of(one.run.fitted)
        seeds = groups.setdefault(json.dumps([signature(one.run), prior], sort_keys=True), {})
        if one.run.spec.seed in seeds:
            twice.append((one, seeds[one.run.spec.seed]))
        else:
            seeds[one.run.spec.seed] = one
    found: list[Contender] = []
    for seeds in groups.values():
        ordered = tuple(seeds[s] for s in sorted(seeds))
        run = next(iter(seeds.values())).run
        called = name = run.spec.name if run.fitted is None else f"{run.spec.name} + {part_of(run.fitted)['name']}"
        taken = {c.name for c in found}
        number = 2
        while name in taken:
            name = f"{called} ({number})"
            number += 1
        found.append(Contender(name, ordered))
    return found, twice


def named(models: Sequence[Contender], name: str) -> Contender:
    """The model of that name.

    Raises:
        SpecError: there is none.
    """
    for model in models:
        if model.name == name:
            return model
    raise SpecError(unknown("model", name, [m.name for m in models]))


@dataclass(frozen=True)
class Trained:
    """One model of a study: its runs, one a seed, in the study's order."""

    runs: tuple[Run, ...]

    @property
    def first(self) -> Run:
        """The run of the first seed, whose images are shown."""
        return self.runs[0]

    @property
    def name(self) -> str:
        """The runs' name."""
        return self.first.spec.name

    @property
    def latents(self) -> int:
        """The latent size."""
        return self.first.spec.model.latent_dim

    @property
    def kind(self) -> str:
        """What the model is called in tables, for instance "VAE"."""
        return kind(self.first.spec.model)

    @property
    def has_prior(self) -> bool:
        """Whether new codes can be drawn, so that the model can generate."""
        return part(self.first.spec.model.prior)[0] != "none"

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


Sweep = dict[int, Trained]
"""Models that differ in nothing but their latent size, by that size, smallest first."""


def models(runs: Sequence[Run]) -> list[Trained]:
    """The runs of each name together, in order of appearance."""
    found: dict[str, list[Run]] = {}
    for run in runs:
        found.setdefault(run.spec.name, []).append(run)
    return [Trained(tuple(group)) for group in found.values()]


def sweeps(trained: Sequence[Trained]) -> dict[str, Sweep]:
    """Every sweep over latent sizes, by a name for it: its kind, with its first run's name where kinds are equal."""
    groups: dict[str, list[Trained]] = {}
    for model in trained:
        groups.setdefault(signature(model.first, "latent_dim"), []).append(model)
    found = [{m.latents: m for m in sorted(g, key=lambda m: m.latents)} for g in groups.values()]
    found = [s for s in found if len(s) > 1]
    kinds = [next(iter(s.values())).kind for s in found]
    return {
        k if kinds.count(k) == 1 else f"{k} ({next(iter(s.values())).name} …)": s
        for k, s in zip(kinds, found, strict=True)
    }


def main(trained: Sequence[Trained]) -> list[Trained]:
    """The models shown by themselves: the first with a prior, the first without, and all outside of sweeps."""
    swept = {m.name for s in sweeps(trained).values() for m in s.values()}
    firsts = {next((m.name for m in trained if m.has_prior == prior), "") for prior in (True, False)}
    return [m for m in trained if m.name in firsts or m.name not in swept]


def pairs(trained: Sequence[Trained]) -> list[tuple[Trained, Trained]]:
    """Models with a prior beside those without that conclusions compare them to: equal in all that both have."""
    by_name = {m.name: m for m in trained}
    matched = find_roles([r for m in trained for r in m.runs]).matched
    found = [(by_name[b.runs[0].spec.name], by_name[a.runs[0].spec.name]) for a, b in matched]
    return sorted(found, key=lambda pair: pair[0].latents)


def part_text(value: Part) -> str:
    """A part in words, for instance "dirac (activation = relu)"."""
    name, options = part(value)
    return f"{name} ({', '.join(f'{k} = {v}' for k, v in options.items())})" if options else name


def kind(spec: ModelSpec) -> str:
    """ "AE" for a deterministic code without a prior, "VAE" or "β-VAE" for the ELBO, otherwise the objective's name."""
    if part(spec.posterior)[0] == "dirac" and part(spec.prior)[0] == "none":
        return "AE"
    objective = part(spec.objective)[0]
    if objective == "elbo":
        return "VAE" if objectives.make(spec.objective).is_bound() else "β-VAE"
    return objective


def loss_of(spec: ModelSpec, words: Words) -> str:
    """What a model's loss is, as a formula of the terms that are told beside it, or in words where it is no sum."""
    weights = objectives.make(spec.objective).weights()
    if weights is None:
        text = words("report.loss.bound", objective=part_text(spec.objective))
    else:
        names = {"reconstruction": words("report.loss.reconstruction"), "kl": words("report.metric.kl")}
        terms = [(weight, names.get(name, name)) for name, weight in weights.items() if weight]
        text = " + ".join(name if weight == 1 else f"{words.number(weight, 'g')} {name}" for weight, name in terms)
    return text if spec.condition == "none" else words("report.loss.told", loss=text)


def families(trained: Sequence[Trained], least: int = LEAST) -> dict[str, list[Trained]]:
    """Models that differ in nothing but β, by the name of the first, smallest β first; those of fewer than ``least``
    values are none."""
    groups: dict[str, dict[float, Trained]] = {}
    for model in trained:
        beta = Model(model.runs).beta
        if beta is not None and model.has_prior:
            groups.setdefault(signature(model.first, "objective"), {}).setdefault(beta, model)
    whole = [[m for _, m in sorted(group.items())] for group in groups.values() if len(group) >= least]
    return {_family(family, whole): family for family in whole}


def _family(family: Sequence[Trained], whole: Sequence[Sequence[Trained]]) -> str:
    """By the latent size, where that tells families apart; otherwise by the first model."""
    sizes = [f[0].latents for f in whole]
    return f"d = {family[0].latents}" if len(set(sizes)) == len(sizes) > 1 else family[0].name
