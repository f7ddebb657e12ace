"""What a score found: numbers with their errors, arrays, warnings."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latente.evaluation.evaluate import Metric, mean_and_error
from latente.evaluation.metrics.intervals import Estimate, normal_interval
from latente.plain import as_text
from latente.spec import Part

EACH = "each."
"""What an array of one value an example is called, before the name of the number that is their mean."""


@dataclass(frozen=True, repr=False)
class Measured:
    """What a score found.

    Attributes:
        values: each number by its column, with its standard error.
        arrays: what figures need; and, of a number that is the mean of a value per example, these values (see `each`).
        warnings: what its user should know, a sentence each.
        score: what found it, as a study file says it.
        of_samples: whether it is about samples, so that another prior makes it another.
        name: the score's name.
        key: what it is kept as: the name, and options that its numbers depend on.
    """

    values: Mapping[str, Metric]
    arrays: Mapping[str, NDArray[np.generic]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    score: Part = ""
    of_samples: bool = False
    name: str = ""
    key: str = ""

    def __repr__(self) -> str:
        numbers = [(name, f"{m.value:.6g} ± {m.standard_error:.2g}") for name, m in self.values.items()]
        shown: list[tuple[str, object]] = [*numbers[:12]]
        if len(numbers) > 12:
            shown.append(("…", f"{len(numbers) - 12} more in values"))
        shown += [("warning", warning) for warning in self.warnings[:3]]
        return as_text("measured", shown)

    def column(self, name: str) -> str:
        """A number's column, by its name without the score's options.

        In columns these follow the name ("copies_samples500"), or precede it with the score's own ("nll_500_gain").
        """
        own = f"{self.key}_{name}"
        return own if own in self.values else name + self.key.removeprefix(self.name)

    def value(self, name: str) -> float | None:
        """A number by its name without the options (see `column`); None where there is none."""
        metric = self.values.get(self.column(name))
        return None if metric is None else metric.value

    def estimate(self, name: str) -> Estimate | None:
        """That number with its normal 95% interval; None where there is none, or none that is finite."""
        metric = self.values.get(self.column(name))
        if metric is None or not math.isfinite(metric.value):
            return None
        return normal_interval(metric.value, metric.standard_error)

    def array(self, name: str) -> Any:
        """An array by its name; None where it was not kept."""
        return None if name not in self.arrays else np.asarray(self.arrays[name])

    def each(self, column: str) -> NDArray[np.floating] | None:
        """The values of which a number is the mean, one for each example, shape (n,); None where it is no such mean.

        Differences of two models are paired by them (see `latente.compare`).
        """
        found = self.arrays.get(EACH + column)
        return None if found is None else np.asarray(found, np.float64)


def by_example(column: str, values: NDArray[np.floating]) -> Measured:
    """A number that is the mean of one value per example, shape (n,), with these values."""
    return Measured({column: mean_and_error(values)}, {EACH + column: np.asarray(values)})
