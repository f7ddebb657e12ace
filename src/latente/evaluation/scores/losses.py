"""What training minimises, and its parts: of the few models for which they mean the same."""

from __future__ import annotations

import inspect
import json
from dataclasses import dataclass
from typing import Any, ClassVar

from latente.evaluation.measured import Measured, by_example
from latente.evaluation.run import Run
from latente.evaluation.scores.base import OnBatch, Score, conditioning, scores, standardised
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

    def scale(self, run: Run) -> str | None:
        """Equal where the loss is one quantity (see `quantity`) of one likelihood, with all its options."""
        spec = run.spec.model
        if self.why_not(run):
            return None
        return f"{quantity(spec.objective)} of {_text(spec.likelihood, likelihoods)}{conditioning(run)}"

    def why_not(self, run: Run) -> str:
        """Where examples are not scored each by itself, their losses are no pairs."""
        if objectives.make(run.spec.model.objective).by_example():
            return ""
        return "its loss has a term of all examples together or of an opponent"


@scores.register("distortion")
@dataclass(frozen=True)
class Distortion(_OfTraining):
    """−log p(x | z) over codes drawn from the posterior, in nats."""

    name: ClassVar[str] = "reconstruction"

    def scale(self, run: Run) -> str | None:
        """Equal where the likelihood is, with all its options, and what is encoded."""
        noisy = part(run.spec.model.objective)[0] == "denoising"
        corrupted = f", codes of {_text(run.spec.model.objective, objectives)} examples" if noisy else ""
        return f"−log p(x | z) of {_text(run.spec.model.likelihood, likelihoods)}{corrupted}{conditioning(run)}"


@scores.register("mse")
@dataclass(frozen=True)
class SquaredError(_OfTraining):
    """Squared error of what drawn codes decode to, a value; of examples as the likelihood sees them."""

    name: ClassVar[str] = "mse"

    def scale(self, run: Run) -> str | None:
        """Any models compare that see the same values; not those that are told the label."""
        likelihood = run.model.likelihood
        seen = f" against what {_text(run.spec.model.likelihood, likelihoods)} observes" if likelihood.observes else ""
        return f"squared error of drawn codes{seen}{standardised(run)}{conditioning(run)}"


KEPT = (Loss(), Distortion(), SquaredError())
"""Those that every evaluation brings with it, example by example (`Run.known_examples`)."""


def quantity(objective: Part) -> str:
    """What a loss is, in the words of spec files, alike for losses that are one quantity: of the ELBO the weight of its
    KL when schedules have ended, "elbo" or "elbo (beta = 4)"; of others the objective with its options."""
    weights = objectives.make(objective).weights()
    if weights is None or set(weights) != {"reconstruction", "kl"}:
        return _text(objective, objectives)
    return "elbo" if weights["kl"] == 1 else f"elbo (beta = {weights['kl']:g})"


def _text(value: Part, registry: Registry[Any]) -> str:
    """A part with its options but for the defaults, alike for alike parts."""
    name, options = part(value)
    usual = inspect.signature(registry[name]).parameters
    options = {k: v for k, v in options.items() if k not in usual or v != usual[k].default}
    told = (f"{k} = {v if isinstance(v, str) else json.dumps(v, sort_keys=True)}" for k, v in sorted(options.items()))
    return f"{name} ({', '.join(told)})" if options else name
