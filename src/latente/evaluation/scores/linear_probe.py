"""How well labels are read off the codes by a linear classifier."""

from __future__ import annotations

from dataclasses import dataclass

from latente.evaluation.measured import Measured, by_example
from latente.evaluation.run import Run
from latente.evaluation.scores.base import OnBatch, Score, scores
from latente.language.message import Message


@scores.register("linear-probe", source="Alain & Bengio 2017, arXiv:1610.01644")
@dataclass(frozen=True)
class LinearProbe(Score):
    """Accuracy of a logistic regression from the mean codes of the training part to the labels."""

    def columns(self) -> dict[str, bool | None]:
        """One."""
        return {"linear-probe": False}

    def _scale(self, run: Run) -> Message:
        return Message("scale.accuracy")

    def unsupported(self, run: Run) -> Message | None:
        """Without labels, and for models that were given them."""
        if not run.data.classes:
            return Message("reason.no_labels")
        return Message("reason.given") if run.model.is_conditional else None

    def measure(self, run: Run, split: str, on_batch: OnBatch | None = None) -> Measured:
        """See `latente.evaluation.metrics.representation.linear_probe`."""
        from latente.evaluation.metrics.representation import linear_probe

        train, part = run.data.train, run.data.part(split)
        assert train.y is not None and part.y is not None
        codes = [run.encode(run.data.values(p.x), scaled=True) for p in (train, part)]
        probe = linear_probe(codes[0], train.y, codes[1], part.y)
        return by_example("linear-probe", probe.correct)
