"""What is usual for a run, from its validation part: what new examples are held against."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latente.evaluation import latent
from latente.evaluation.batching import subsample
from latente.evaluation.outliers.explain import explained_score, usual_columns
from latente.evaluation.run import Run

Doubles = NDArray[np.float64]

MOST = 2000
"""Examples at most whose scores are worked out."""


@dataclass(frozen=True)
class HeldOut:
    """What examples that nothing was trained on are like.

    Attributes:
        usual: the median of what each value adds to the score, shape (*shape,); see `Run.explain`.
        scores: −log p(x) above the usual of each, shape (n,), nats: what conformal p-values count.
    """

    usual: Doubles
    scores: Doubles


def held_out(run: Run, *, part: str = "validation", seed: int = 0) -> HeldOut:
    """What the examples of a part are like; of more than `MOST` a fixed choice.

    Args:
        run: a trained model, whose data can be read.
        part: "validation" or "test".
        seed: of what is drawn.

    Raises:
        DataError: the data is gone, or has no such part.
    """
    chosen = run.data.part(part)
    context = latent.context_of(run.model, run.spec.model, run.data, chosen)
    index = subsample(len(chosen), MOST, 0)
    values = run.data.values(chosen.x[index])
    given = None if context is None else context[index]
    usual = usual_columns(run.model, values, given, seed=seed)
    return HeldOut(usual, above_usual(explained_score(run.model, values, given, seed=seed), values, usual))


def above_usual(score: Doubles, values: NDArray[np.floating], usual: Doubles) -> Doubles:
    """Scores minus what is usual for the values that an example has, shape (n,), nats."""
    absent = np.isnan(values)
    return np.asarray(score - np.where(absent, 0.0, usual).reshape(len(values), -1).sum(axis=1), np.float64)
