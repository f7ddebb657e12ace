"""Which examples of a part are most unusual, why, and whether as many are as should be."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latente.evaluation import latent
from latente.evaluation.batching import subsample
from latente.evaluation.evaluate import Metric
from latente.evaluation.held_out import HeldOut, above_usual, held_out
from latente.evaluation.measured import Measured
from latente.evaluation.metrics.anomaly import auroc, auroc_error
from latente.evaluation.outliers.conformal import conformal_p_values
from latente.evaluation.outliers.explain import explain, explained_score
from latente.evaluation.run import Run
from latente.evaluation.scores.base import OnBatch, Score, conditioned, scores, suffix, too_few
from latente.language.message import Message
from latente.spec import got

LEVEL = 0.05

LEAST = 19
"""Held-out examples with which a p-value can be as small as `LEVEL`."""

SHOWN = 6
"""Examples whose score is split over their values."""


@scores.register("anomalies", source="Shapley 1953; Bates et al. 2023, arXiv:2104.08279")
@dataclass(frozen=True)
class Anomalies(Score):
    """Conformal p-values of a part's examples against the validation part, and what makes the most unusual ones so.

    The score is −log p(x), in nats above the usual (see `latente.evaluation.outliers.explain`). On the validation part
    itself every other example is held against the rest.

    Attributes:
        examples: at most so many of the part, by a fixed choice.
    """

    examples: int = 1000

    def __post_init__(self) -> None:
        if isinstance(self.examples, bool) or not isinstance(self.examples, int) or self.examples < 2:
            raise got("anomalies: examples", self.examples, "a whole number of at least 2")

    def key(self) -> str:
        """With the number of examples where it is not the default."""
        return "anomalies" + suffix(self)

    def columns(self) -> dict[str, bool | None]:
        """Nothing is ranked: both are near what they should be where a part is drawn as the validation part is."""
        return {f"{self.key()}_flagged": None, f"{self.key()}_above": None}

    def scale(self, run: Run) -> str | None:
        """Shares of the same examples, whatever the model."""
        return None if self.unsupported(run) else conditioned(run, Message("scale.anomalies"))

    def unsupported(self, run: Run) -> Message | None:
        """It takes enough validation examples for a p-value of 0.05."""
        return too_few(run, LEAST, ("validation",))

    def measure(self, run: Run, split: str, on_batch: OnBatch | None = None) -> Measured:
        """The share flagged at 0.05, and how probable it is that an example scores above a held-out one."""
        data, part = run.data, run.data.part(split)
        index = subsample(len(part), self.examples, 0)
        values = data.values(part.x[index])
        context = latent.context_of(run.model, run.spec.model, data, part)
        given = None if context is None else context[index]
        known = held_out(run)
        score = above_usual(explained_score(run.model, values, given, on_batch=on_batch), values, known.usual)
        compared = np.arange(len(score))
        if split == "validation":
            compared, known = compared[::2], HeldOut(known.usual, score[1::2])
        p = conformal_p_values(known.scores, score[compared])
        flagged, n, m = float((p <= LEVEL).mean()), len(p), len(known.scores)
        top = compared[np.argsort(-score[compared], kind="stable")[:SHOWN]]
        why = explain(run.model, values[top], None if given is None else given[top], usual=known.usual)
        first, second = (f"{self.key()}_{name}" for name in ("flagged", "above"))
        found = {
            # By chance of the examples, and of those that they are held against.
            first: Metric(flagged, math.sqrt(flagged * (1 - flagged) / n + LEVEL * (1 - LEVEL) / m)),
            second: Metric(
                auroc(known.scores, score[compared]).value, float(auroc_error(known.scores, score[compared]))
            ),
        }
        arrays: dict[str, NDArray[np.generic]] = {
            "scores": score[compared], "p": p, "held_out": known.scores, "rows": index[top],
            "top": score[top], "top_p": conformal_p_values(known.scores, score[top]),
            "excess": why.excess.astype(np.float32), "values": values[top],
        }  # fmt: skip
        return Measured(found, arrays)
