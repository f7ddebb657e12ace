"""How many latents are used."""

from __future__ import annotations

from dataclasses import dataclass

from latente.evaluation.evaluate import Metric
from latente.evaluation.latent import evaluation_examples
from latente.evaluation.likelihood.collapse import THRESHOLD, usage
from latente.evaluation.measured import Measured
from latente.evaluation.run import Run
from latente.evaluation.scores.base import OnBatch, Score, scores
from latente.language.message import Message
from latente.training.examples import scale_of


@scores.register("active-units", source="Burda et al. 2016, arXiv:1509.00519, section 5.2 (δ = 0.01)")
@dataclass(frozen=True)
class ActiveUnits(Score):
    """How many numbers of the mean code vary over the part: variance above 0.01."""

    def columns(self) -> dict[str, bool | None]:
        """A count, better neither way."""
        return {"active-units": None}

    def _scale(self, run: Run) -> Message:
        return Message("scale.latents", latents=run.model.code_size)

    def unsupported(self, run: Run) -> Message | None:
        """Points and codebooks have no unit to switch off."""
        return None if run.model.posterior.kind == "density" else Message("reason.points")

    def measure(self, run: Run, split: str, on_batch: OnBatch | None = None) -> Measured:
        """Over the whole part, in double precision, of the examples as the model sees them (binarised where it is)."""
        examples = evaluation_examples(run.model, run.spec.model, run.data, run.data.part(split))
        found = usage(run.model, scale_of(run.data), examples)
        return Measured({"active-units": Metric(float((found.variances > THRESHOLD).sum()), 0.0)})
