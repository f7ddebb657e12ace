"""The importance-weighted bound on −log p(x)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from latente.evaluation.batching import MEMORY
from latente.evaluation.evaluate import mean_and_error
from latente.evaluation.likelihood.importance import SAMPLES, nll, unsupported
from latente.evaluation.measured import EACH, Measured
from latente.evaluation.run import Run
from latente.evaluation.scores.base import OnBatch, ScoreOfObservations, likelihood_inputs, scores
from latente.language.message import Message


@scores.register("nll", source="Burda et al. 2016, arXiv:1509.00519, eq. 8")
@dataclass(frozen=True)
class ImportanceBound(ScoreOfObservations):
    """An upper bound on −log p(x) by importance weighting with ``samples`` codes an example, in nats.

    With it the mean effective sample size of the weights, 1 to K, and the nats by which the bound fell from K/2 to K,
    its gain: what more samples would still bring is of that order. ``memory`` is in MB.
    """

    nats: ClassVar[bool] = True

    samples: int = SAMPLES
    memory: float = MEMORY / 2**20

    def key(self) -> str:
        """With its K, without which it means little."""
        return f"nll_{self.samples}"

    def columns(self) -> dict[str, bool | None]:
        """The bound, by its K; effective sample size and gain tell of the estimate, not of the model."""
        return {self.key(): True, f"{self.key()}_ess": None, f"{self.key()}_gain": None}

    def unsupported(self, run: Run) -> Message | None:
        """Without a density of the codes there is no bound."""
        return unsupported(run.model)

    def measure(self, run: Run, split: str, on_batch: OnBatch | None = None) -> Measured:
        """See `latente.evaluation.likelihood.importance.nll`; a warning where K is too small."""
        key, memory = self.key(), int(self.memory * 2**20)
        bound = nll(*likelihood_inputs(run, split), samples=self.samples, memory=memory, on_batch=on_batch)
        values = {key: mean_and_error(bound.values), f"{key}_ess": mean_and_error(bound.effective)}
        if self.samples > 1:
            values[f"{key}_gain"] = mean_and_error(bound.gain)
        arrays = {EACH + key: bound.values, EACH + f"{key}_ess": bound.effective}
        if np.isfinite(bound.tails).all():
            arrays["tail"] = bound.tails
        return Measured(values, arrays, bound.warnings())
