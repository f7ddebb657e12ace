"""Scores that models of different losses can be compared by, each with the scale on which it may be."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from latente.evaluation.bounds import SAMPLES, nll
from latente.evaluation.evaluate import Metric, mean_and_error
from latente.model.likelihoods import likelihoods
from latente.model.likelihoods.bernoulli import Bernoulli, is_score
from latente.registry import Registry
from latente.training.examples import examples_of, scale_of

if TYPE_CHECKING:
    from latente.evaluation.run import Run

scores: Registry[Score] = Registry("score")


@dataclass(frozen=True)
class Score:
    """A number for a trained model on a part of its data.

    Attributes:
        lower: whether less is better.
    """

    lower: ClassVar[bool] = True

    @abstractmethod
    def scale(self, run: Run) -> str | None:
        """What a run's value may be compared with: values of equal scale; None where the run has no such value."""

    @abstractmethod
    def measure(self, run: Run, split: str, on_batch: Callable[[int, int], object] | None = None) -> Metric:
        """The value on "train", "validation" or "test", with its standard error."""

    def key(self) -> str:
        """Its name in tables and files."""
        return scores.name_of(self).split('"')[1]


@scores.register("nll", source="Burda et al. 2016, arXiv:1509.00519, eq. 8")
@dataclass(frozen=True)
class Likelihood(Score):
    """An upper bound on −log p(x) by importance weighting with ``samples`` codes an example, in nats."""

    samples: int = SAMPLES

    def key(self) -> str:
        """With its K, without which it means little."""
        return f"nll_{self.samples}"

    def scale(self, run: Run) -> str | None:
        """Equal where the same numbers are given a probability, or a density."""
        model = run.model
        if model.posterior.kind != "density" or model.prior.space == "any" or model.classifier is not None:
            return None
        # log p(x | label) is no log p(x).
        return _measured(run) + (", given the label or columns" if model.is_told else "")

    def measure(self, run: Run, split: str, on_batch: Callable[[int, int], object] | None = None) -> Metric:
        """See `latente.evaluation.bounds.nll`."""
        data = run.data
        examples = examples_of(data, data.part(split), run.spec.model)
        bound = nll(run.model, scale_of(data), examples, samples=self.samples, on_batch=on_batch)
        return Metric(bound.mean, bound.standard_error)


def _measured(run: Run) -> str:
    """Of what a likelihood gives a probability or a density."""
    likelihood = run.model.likelihood
    if isinstance(likelihood, Bernoulli):
        if is_score(likelihood, run.data.distinct(run.data.validation)):
            return "BCE score of grey values"
        return {"none": "bits", "static": "bits, drawn once", "dynamic": "bits, drawn anew"}[likelihood.binarise]
    if likelihood.whole or "discretised" in likelihoods.name_of(likelihood):
        return "probability of whole values"
    return "density of values"


@scores.register("mean-mse")
@dataclass(frozen=True)
class MeanError(Score):
    """Squared error of the decoded mean code against the example as it is stored, a value."""

    def scale(self, run: Run) -> str | None:
        """Any two models of one data set compare; not those that are told the label."""
        return "squared error, given the label or columns" if run.model.is_told else "squared error"

    def measure(self, run: Run, split: str, on_batch: Callable[[int, int], object] | None = None) -> Metric:
        """No code is drawn, and nothing is binarised."""
        x = run.data.part(split)
        values = run.data.values(x.x)
        error = (run.reconstruct(x.x, given=beside(run, split)) - values) ** 2
        return mean_and_error(np.nanmean(error.reshape(len(error), -1), axis=1))


@scores.register("linear-probe", source="Alain & Bengio 2017, arXiv:1610.01644")
@dataclass(frozen=True)
class LinearProbe(Score):
    """Accuracy of a logistic regression from the mean codes of the training part to the labels."""

    lower: ClassVar[bool] = False

    def scale(self, run: Run) -> str | None:
        """Where there are labels, and the model was not given them."""
        return "accuracy" if run.data.classes and not run.model.is_told else None

    def measure(self, run: Run, split: str, on_batch: Callable[[int, int], object] | None = None) -> Metric:
        """See `latente.evaluation.metrics.representation.linear_probe`."""
        from latente.evaluation.metrics.representation import linear_probe

        train, part = run.data.train, run.data.part(split)
        assert train.y is not None and part.y is not None
        probe = linear_probe(run.encode(train.x), train.y, run.encode(part.x), part.y)
        return mean_and_error(probe.correct)


@scores.register("active-units", source="Burda et al. 2016, arXiv:1509.00519, section 5.2 (δ = 0.01)")
@dataclass(frozen=True)
class ActiveUnits(Score):
    """How many numbers of the mean code vary over the part: variance above 0.01."""

    lower: ClassVar[bool] = False

    def scale(self, run: Run) -> str | None:
        """A count of its own model's latents compares with none other."""
        return None if run.model.posterior.kind != "density" else f"of {run.model.code_size}"

    def measure(self, run: Run, split: str, on_batch: Callable[[int, int], object] | None = None) -> Metric:
        """Over the whole part, in double precision."""
        return Metric(float(active(run.encode(run.data.part(split).x, given=beside(run, split)))), 0.0)


def active(codes: NDArray[np.floating], threshold: float = 0.01) -> int:
    """How many columns of mean codes (n, d) vary by more than a threshold."""
    return int((np.asarray(codes, np.float64).var(axis=0) > threshold).sum())


def beside(run: Run, split: str) -> NDArray[np.generic] | None:
    """What a conditional model is given beside the examples of a part; None for others."""
    if not run.model.is_told:
        return None
    part = run.data.part(split)
    return part.context if run.spec.model.condition == "columns" else part.y
