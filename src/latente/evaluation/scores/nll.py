"""The importance-weighted bound on −log p(x)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from latente.evaluation.bounds import SAMPLES, nll
from latente.evaluation.evaluate import Metric
from latente.evaluation.scores.base import Measured, OnBatch, Score, scores, told
from latente.model.likelihoods import likelihoods
from latente.model.likelihoods.bernoulli import Bernoulli, is_score
from latente.training.examples import examples_of, scale_of

if TYPE_CHECKING:
    from latente.evaluation.run import Run


@scores.register("nll", source="Burda et al. 2016, arXiv:1509.00519, eq. 8")
@dataclass(frozen=True)
class Likelihood(Score):
    """An upper bound on −log p(x) by importance weighting with ``samples`` codes an example, in nats."""

    samples: int = SAMPLES

    def key(self) -> str:
        """With its K, without which it means little."""
        return f"nll_{self.samples}"

    def columns(self) -> dict[str, bool | None]:
        """The bound, by its K."""
        return {self.key(): True}

    def scale(self, run: Run) -> str | None:
        """Equal where the same numbers are given a probability, or a density."""
        # log p(x | label) is no log p(x).
        return None if self.why_not(run) else measured_of(run) + told(run)

    def why_not(self, run: Run) -> str:
        """Without a density of the codes there is no bound."""
        if run.model.posterior.kind != "density" or run.model.prior.space == "any":
            return "its codes have no density"
        return "it sums over labels" if run.model.classifier is not None else ""

    def measure(self, run: Run, split: str, on_batch: OnBatch | None = None) -> Measured:
        """See `latente.evaluation.bounds.nll`."""
        data = run.data
        examples = examples_of(data, data.part(split), run.spec.model)
        bound = nll(run.model, scale_of(data), examples, samples=self.samples, on_batch=on_batch)
        return Measured({self.key(): Metric(bound.mean, bound.standard_error)})


def measured_of(run: Run) -> str:
    """Of what a likelihood gives a probability or a density."""
    likelihood = run.model.likelihood
    if isinstance(likelihood, Bernoulli):
        if is_score(likelihood, run.data.distinct(run.data.validation)):
            return "BCE score of grey values"
        return {"none": "bits", "static": "bits, drawn once", "dynamic": "bits, drawn anew"}[likelihood.binarise]
    if likelihood.whole or "discretised" in likelihoods.name_of(likelihood):
        return "probability of whole values"
    return "density of values"
