"""−log p(x) itself, where it is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from latente.evaluation.likelihood.exact import exact_nll, unsupported
from latente.evaluation.measured import Measured, by_example
from latente.evaluation.run import Run
from latente.evaluation.scores.base import OnBatch, ScoreOfObservations, likelihood_inputs, scores
from latente.language.message import Message


@scores.register("exact-nll", source="Tipping & Bishop 1999, Probabilistic principal component analysis, eq. 6")
@dataclass(frozen=True)
class ExactLikelihood(ScoreOfObservations):
    """−log p(x) in closed form of a linear-Gaussian model, in nats: what its bounds are to be held against."""

    nats: ClassVar[bool] = True

    def columns(self) -> dict[str, bool | None]:
        """Less is better."""
        return {"exact-nll": True}

    def unsupported(self, run: Run) -> Message | None:
        """It is known for the linear-Gaussian model only."""
        return unsupported(run.model)

    def measure(self, run: Run, split: str, on_batch: OnBatch | None = None) -> Measured:
        """See `latente.evaluation.likelihood.exact.exact_nll`."""
        return by_example("exact-nll", exact_nll(*likelihood_inputs(run, split)))
