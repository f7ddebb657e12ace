"""What the figures of every score start from: which models have it, and what they kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from latente.analysis.conclusions.claims import Facts
from latente.analysis.trained_models import TrainedModel
from latente.evaluation.measured import Measured
from latente.evaluation.metrics.intervals import minus
from latente.plugins import clash, registered
from latente.report.figures.figure_file import FigureContext, FigureFile

MOST = 8
"""Models at most that one figure compares."""


@dataclass
class Scored(FigureContext):
    """Models of a study that were scored on one part of the data, and are shown by themselves.

    Attributes:
        name: the score's.
        split: which part was scored.
    """

    name: str
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

    def percent(self, share: float) -> str:
        """A share in per cent."""
        return self.words.number(100 * float(share), ".1f") + "%"


def against(number: str, other: str, called: str) -> Callable[[Measured], Facts | None]:
    """Reads a number of a score as ``own``, another as it is ``called``, and how much ``more`` the first is."""

    def read(found: Measured) -> Facts | None:
        first, second = found.estimate(number), found.estimate(other)
        if first is None or second is None:
            return None
        return {"own": first.value, called: second.value, "more": minus(first, second)}

    return read


Drawer = Callable[[Scored], Iterator[FigureFile]]

drawers: dict[str, tuple[int, Drawer]] = {}
"""By score: where its figures stand among the others, and what draws them."""


def draws(name: str, order: int) -> Callable[[Drawer], Drawer]:
    """Decorator: the function below draws the figures of that score, which come in that ``order``."""

    def add(drawer: Drawer) -> Drawer:
        if name in drawers:
            raise clash("score figure", name)
        drawers[name] = (order, drawer)
        registered("score figure", name, drawer.__module__, lambda: drawers.__delitem__(name))
        return drawer

    return add
