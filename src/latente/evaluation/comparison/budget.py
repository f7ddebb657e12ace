"""What was spent on a model: models of unequal budgets are compared with that in view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from latente.evaluation.comparison.contenders import Contender

Span = tuple[float, float]
"""The least and the greatest over the seeds."""


@dataclass(frozen=True)
class Budget:
    """What one model was given; each the least and the greatest over its seeds.

    Attributes:
        model: its name.
        parameters: numbers learnt.
        epochs: passes over the training part, those after the best weights included.
        steps: of the optimizer.
        examples: seen in training, each as often as it was seen.
        seconds: of training, with compilation, on whatever machine it was.
    """

    model: str
    parameters: Span
    epochs: Span
    steps: Span
    examples: Span
    seconds: Span


COUNTED = ("parameters", "epochs", "steps", "examples")
"""What must be equal for budgets to be equal; seconds never are."""


def budget(model: Contender) -> Budget:
    """What a model was given."""
    rows = []
    for run in model.runs:
        size = int(run.card["counts"]["train"])
        epochs = len(run.history["loss"])
        steps = epochs * run.spec.train.steps(size)
        rows.append((run.model.parameters(), epochs, steps, epochs * size, run.seconds))
    return Budget(model.name, *((min(column), max(column)) for column in zip(*rows, strict=True)))


def unequal(budgets: Sequence[Budget]) -> tuple[str, ...]:
    """In which of `COUNTED` the budgets differ, between models or between seeds of one."""
    found = {name: {n for b in budgets for n in getattr(b, name)} for name in COUNTED}
    return tuple(name for name, values in found.items() if len(values) > 1)
