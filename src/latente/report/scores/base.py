"""What the figures of every score start from: which models have it, and what they kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latente.analysis.trained_models import TrainedModel
from latente.data.split import Data
from latente.data.units import span_of
from latente.evaluation.evaluate import Metric
from latente.evaluation.measured import Measured
from latente.language.words import Words
from latente.report.figures.figure_file import Picture

MOST = 8
"""Models at most that one figure compares."""


@dataclass(frozen=True)
class Kept:
    """What one model's first run kept of a score.

    Attributes:
        model: it.
        measured: what was found.
        suffix: what its columns have behind their names, where the options were not the defaults.
    """

    model: TrainedModel
    measured: Measured
    suffix: str

    @property
    def name(self) -> str:
        """The model's."""
        return self.model.name

    def value(self, column: str) -> float | None:
        """A number by its name; None where there is none."""
        found: Metric | None = self.measured.values.get(column + self.suffix)
        return None if found is None else found.value

    def array(self, name: str) -> NDArray[Any]:
        """An array by its name."""
        return np.asarray(self.measured.arrays[name])

    def __contains__(self, name: str) -> bool:
        return name in self.measured.arrays


@dataclass(frozen=True)
class Scored:
    """Models that were scored on one part of the data.

    Attributes:
        name: the score's.
        trained: the models of a study that are shown by themselves.
        data: what they were trained on.
        words: the language.
        split: which part was scored.
    """

    name: str
    trained: Sequence[TrainedModel]
    data: Data
    words: Words
    split: str

    @cached_property
    def kept(self) -> list[Kept]:
        """The models that have the score (of its first options, if it was asked for with several)."""
        found = []
        for model in self.trained:
            measured = model.first.measured.get(self.split, {})
            keys = sorted(k for k in measured if k == self.name or k.startswith(f"{self.name}_"))
            if keys:
                found.append(Kept(model, measured[keys[0]], keys[0].removeprefix(self.name)))
        return found

    @property
    def part(self) -> str:
        """The part in words."""
        return self.words(f"report.part.{self.split}")

    @property
    def span(self) -> tuple[float, float]:
        """The values of black and white."""
        return span_of(*self.trained[0].first.card["range"])

    def seed(self, *models: TrainedModel) -> str:
        """Which seed's images are shown, where there are several."""
        many = any(len(m.runs) > 1 for m in models)
        return " " + self.words("figure.seed", seed=models[0].first.spec.seed) if many else ""

    def number(self, value: float, form: str = ".2f") -> str:
        """A number in the language."""
        return self.words.number(float(value), form)

    def percent(self, share: float) -> str:
        """A share in per cent."""
        return self.words.number(100 * float(share), ".1f") + "%"


Drawer = Callable[[Scored], Iterator[Picture]]

drawers: dict[str, tuple[int, Drawer]] = {}
"""By score: where its figures stand among the others, and what draws them."""


def draws(name: str, order: int) -> Callable[[Drawer], Drawer]:
    """Decorator: the function below draws the figures of that score, in that place of the order."""

    def add(drawer: Drawer) -> Drawer:
        drawers[name] = (order, drawer)
        return drawer

    return add
