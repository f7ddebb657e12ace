"""What every score offers: some numbers of a finished run, each with the scale on which it may be compared."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from latente.evaluation.evaluate import Metric
from latente.registry import Registry

if TYPE_CHECKING:
    from latente.evaluation.run import Run

scores: Registry[Score] = Registry("score")

OnBatch = Callable[[int, int], object]
"""Called with (examples done, of how many)."""


@dataclass(frozen=True)
class Measured:
    """What a score found.

    Attributes:
        values: each number by its column, with its standard error.
        arrays: what figures need.
        warnings: what its user should know, a sentence each.
    """

    values: Mapping[str, Metric]
    arrays: Mapping[str, NDArray[np.generic]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Score:
    """Numbers of a trained model on a part of its data.

    Attributes:
        generates: whether they are about samples, so that another prior makes them others.
    """

    generates: ClassVar[bool] = False

    def key(self) -> str:
        """What it is kept as: its name, and the options without which its numbers mean little."""
        return scores.name_of(self).split('"')[1]

    @abstractmethod
    def columns(self) -> dict[str, bool | None]:
        """Its numbers by name, and whether less is better: None where neither is, and nothing is ranked by it."""

    def scale(self, run: Run) -> str | None:
        """What a run's numbers may be compared with: those of equal scale; None where it has none (see `why_not`)."""
        return None if self.why_not(run) else self.key()

    def why_not(self, run: Run) -> str:
        """Why a run has no such numbers, as a clause; empty where it has."""
        return ""

    @abstractmethod
    def measure(self, run: Run, split: str, on_batch: OnBatch | None = None) -> Measured:
        """The numbers on "train", "validation" or "test"; called only where `scale` is one."""


def beside(run: Run, split: str) -> NDArray[np.generic] | None:
    """What a conditional model is given beside the examples of a part; None for others."""
    if not run.model.is_told:
        return None
    part = run.data.part(split)
    return part.context if run.spec.model.condition == "columns" else part.y


def told(run: Run) -> str:
    """For a scale: that the model is given more than the example, where it is."""
    return ", given the label or columns" if run.model.is_told else ""
