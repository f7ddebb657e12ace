"""What every score offers: some numbers of a finished run, each with the scale on which it may be compared."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from latente.evaluation.evaluate import Metric, mean_and_error
from latente.model.likelihoods.mixed import Mixed
from latente.plain import as_text
from latente.registry import Registry
from latente.spec import Part

if TYPE_CHECKING:
    from latente.evaluation.run import Run

scores: Registry[Score] = Registry("score")

OnBatch = Callable[[int, int], object]
"""Called with (examples done, of how many)."""

EACH = "each."
"""What an array of one value an example is called, before the name of the number that is their mean."""


@dataclass(frozen=True, repr=False)
class Measured:
    """What a score found.

    Attributes:
        values: each number by its column, with its standard error.
        arrays: what figures need; and, of a number that is a mean of one value an example, those values (see `each`).
        warnings: what its user should know, a sentence each.
        score: what found it, as a study file says it.
    """

    values: Mapping[str, Metric]
    arrays: Mapping[str, NDArray[np.generic]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    score: Part = ""

    def __repr__(self) -> str:
        numbers = [(name, f"{m.value:.6g} ± {m.standard_error:.2g}") for name, m in self.values.items()]
        shown: list[tuple[str, object]] = [*numbers[:12]]
        if len(numbers) > 12:
            shown.append(("…", f"{len(numbers) - 12} more in values"))
        shown += [("warning", warning) for warning in self.warnings[:3]]
        return as_text("measured", shown)

    def each(self, column: str) -> NDArray[np.floating] | None:
        """The value of each example of which a number is the mean, shape (n,); None where it is no such mean.

        Differences of two models are paired by them (see `latente.compare`).
        """
        found = self.arrays.get(EACH + column)
        return None if found is None else np.asarray(found, np.float64)


def by_example(column: str, values: NDArray[np.floating]) -> Measured:
    """A number that is the mean of one value an example, shape (n,), with these kept."""
    return Measured({column: mean_and_error(values)}, {EACH + column: np.asarray(values)})


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

    def part(self) -> Part:
        """It as a study file says it: a name, or a table of it and the options."""
        options = {f.name: getattr(self, f.name) for f in fields(self)}
        name = scores.name_of(self).split('"')[1]
        return {"name": name, **options} if options else name

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


def standardised(run: Run) -> str:
    """For a scale: of what columns squared errors are means, where each is in a unit of its own."""
    likelihood = run.model.likelihood
    return f", columns standardised ({', '.join(likelihood.columns)})" if isinstance(likelihood, Mixed) else ""
