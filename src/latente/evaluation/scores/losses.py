"""What training minimises, and its parts: of the few models for which they mean the same."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from latente.evaluation.measured import Measured, by_example
from latente.evaluation.run import Run
from latente.evaluation.scores.base import OnBatch, Score, conditioned, scores, standardised
from latente.language.message import Message
from latente.model.likelihoods import likelihoods
from latente.objective.objectives import objectives
from latente.registry import Registry
from latente.spec import Part, part


@dataclass(frozen=True)
class _OfTraining(Score):
    name: ClassVar[str]

    def columns(self) -> dict[str, bool | None]:
        """One, as `Run.evaluate` calls it."""
        return {self.name: True}

    def measure(self, run: Run, split: str, on_batch: OnBatch | None = None) -> Measured:
        """As `Run.evaluate` has it."""
        return by_example(self.name, run.per_example(split)[self.name])


@scores.register("loss")
@dataclass(frozen=True)
class Loss(_OfTraining):
    """The objective as it is when training ends, in nats."""

    name: ClassVar[str] = "loss"

    def _scale(self, run: Run) -> Message:
        spec = run.spec.model
        loss, likelihood = quantity(spec.objective), named_part(spec.likelihood, likelihoods)
        scale = Message("scale.loss", text=f"{loss} of {likelihood}", loss=loss, likelihood=likelihood)
        return conditioned(run, scale)

    def unsupported(self, run: Run) -> Message | None:
        """Where examples are not scored each by itself, their losses are no pairs."""
        if objectives.make(run.spec.model.objective).by_example():
            return None
        return Message("reason.no_loss_of_each")


@scores.register("distortion")
@dataclass(frozen=True)
class Distortion(_OfTraining):
    """−log p(x | z) over codes drawn from the posterior, in nats."""

    name: ClassVar[str] = "reconstruction"

    def _scale(self, run: Run) -> Message:
        likelihood = named_part(run.spec.model.likelihood, likelihoods)
        scale = Message("scale.distortion", text=f"−log p(x | z) of {likelihood}", likelihood=likelihood)
        if part(run.spec.model.objective)[0] == "denoising":
            noise = named_part(run.spec.model.objective, objectives)
            scale = Message("scale.corrupted", text=f"{scale}, codes of {noise} examples", scale=scale, objective=noise)
        return conditioned(run, scale)


@scores.register("mse")
@dataclass(frozen=True)
class SquaredError(_OfTraining):
    """Squared error of what drawn codes decode to, a value; of examples as the likelihood sees them."""

    name: ClassVar[str] = "mse"

    def _scale(self, run: Run) -> Message:
        scale = Message("scale.squared_drawn")
        if run.model.likelihood.observes:
            likelihood = named_part(run.spec.model.likelihood, likelihoods)
            scale = Message("scale.observed", text=f"{scale} against what {likelihood} observes", likelihood=likelihood)
        return conditioned(run, standardised(run, scale))


KEPT = (Loss(), Distortion(), SquaredError())
"""Those that every evaluation brings with it, example by example (`Run.known_examples`)."""


def quantity(objective: Part) -> Message:
    """What a loss is, alike for losses that are one quantity: of the ELBO the weight of its KL when schedules have
    ended, "elbo" or "elbo (beta = 4)"; of others the objective with its options."""
    weights = objectives.make(objective).weights()
    if weights is None or set(weights) != {"reconstruction", "kl"}:
        return named_part(objective, objectives)
    return _named("objective.elbo", {} if weights["kl"] == 1 else {"beta": f"{weights['kl']:g}"})


def named_part(value: Part, registry: Registry[Any]) -> Message:
    """A part with its options but for the defaults, alike for alike parts; as text in the words of spec files."""
    name, options = part(value)
    usual = inspect.signature(registry[name]).parameters
    options = {k: v for k, v in options.items() if k not in usual or v != usual[k].default}
    texts = {k: v if isinstance(v, str) else json.dumps(v, sort_keys=True) for k, v in sorted(options.items())}
    return _named(f"{registry.kind}.{name}", texts)


def _named(key: str, options: Mapping[str, str]) -> Message:
    name = key.partition(".")[2]
    made, texts = Message(key, text=name), []
    for option, value in options.items():
        texts.append(f"{option} = {value}")
        own = Message(f"option.{texts[-1]}", text=texts[-1])
        made = Message("scale.option", text=f"{name} ({', '.join(texts)})", part=made, option=own)
    return made
