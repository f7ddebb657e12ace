"""How well the mean code is decoded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from latente.evaluation.measured import Measured, by_example
from latente.evaluation.run import Run
from latente.evaluation.scores.base import OnBatch, Score, conditioned, conditions_of, scores, standardised
from latente.language.message import Message


@scores.register("mean-mse")
@dataclass(frozen=True)
class MeanError(Score):
    """Squared error of the decoded mean code against the example as it is stored, a value (`Likelihood.residual`)."""

    def columns(self) -> dict[str, bool | None]:
        """One."""
        return {"mean-mse": True}

    def _scale(self, run: Run) -> Message:
        return conditioned(run, standardised(run, Message("scale.squared")))

    def measure(self, run: Run, split: str, on_batch: OnBatch | None = None) -> Measured:
        """No code is drawn, and nothing is binarised."""
        x = run.data.part(split)
        values = run.data.values(x.x)
        rebuilt = run.reconstruct(values, given=conditions_of(run, x), scaled=True)
        error = np.asarray(run.model.likelihood.residual(values, rebuilt)) ** 2
        return by_example("mean-mse", np.nanmean(error.reshape(len(error), -1), axis=1))
