"""A study's runs as a report shows them: models over their seeds, sweeps over latent sizes, matched pairs."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from latente.evaluation.evaluate import Metric
from latente.evaluation.roles import find_roles, signature
from latente.evaluation.run import Run
from latente.interfaces.words import Words
from latente.model.autoencoder import part
from latente.objective.objectives import objectives
from latente.spec import ModelSpec, Part
from latente.training.fit import History


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
