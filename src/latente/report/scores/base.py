"""What the figures of every score start from: which models have it, and what they kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from latente.analysis.trained_models import TrainedModel
from latente.data.split import Data
from latente.data.units import span_of
from latente.evaluation.measured import Measured
from latente.language.words import Words
from latente.report.figures.figure_file import Picture

MOST = 8
"""Models at most that one figure compares."""


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
    def kept(self) -> list[tuple[TrainedModel, Measured]]:
        """The models that have the score, with what the first run kept (of its first options, if there are several)."""
        found = []
        for model in self.trained:
            mine = [m for _, m in sorted(model.first.measured.get(self.split, {}).items()) if m.name == self.name]
            if mine:
                found.append((model, mine[0]))
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
