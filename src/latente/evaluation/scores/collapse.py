"""Whether a model's latents are used."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latente.errors import SpecError
from latente.evaluation.evaluate import Metric
from latente.evaluation.latent import evaluation_examples
from latente.evaluation.likelihood import decomposition
from latente.evaluation.likelihood.collapse import THRESHOLD, aggregate_mmd, diagnose, usage, wider
from latente.evaluation.measured import Measured
from latente.evaluation.run import Run
from latente.evaluation.scores.base import OnBatch, Score, scores
from latente.language.message import Message
from latente.training.examples import scale_of


@scores.register("collapse", source="Burda et al. 2016, section 5.2; Hoffman & Johnson 2016; Gretton et al. 2012")
@dataclass(frozen=True)
class Collapse(Score):
    """Which latents are used, what they tell, and how far the aggregate posterior is from the prior.

    A latent is unused where its posterior mean varies by less than ``threshold`` over the whole part. The distance is
    KL(q(z) ‖ p(z)) (of "elbo-split", which is worked out for it) and the MMD² of draws of both.
    """

    threshold: float = THRESHOLD

    def __post_init__(self) -> None:
        if isinstance(self.threshold, bool) or not isinstance(self.threshold, int | float) or not self.threshold > 0:
            raise SpecError(f'score "collapse": got threshold = {self.threshold!r}; allowed: a number above 0')

    def columns(self) -> dict[str, bool | None]:
        """Nothing is ranked: a model may do well with few latents."""
        return dict.fromkeys(("active-units", "unused-latents", "mutual-information", "aggregate-kl", "aggregate-mmd"))

    def _scale(self, run: Run) -> Message:
        return Message("scale.latents", latents=run.model.code_size)

    def unsupported(self, run: Run) -> Message | None:
        """It takes the posterior's means, and draws to hold against the prior's."""
        model = run.model
        if model.posterior.kind != "density" or model.prior.space == "any":
            return Message("reason.no_collapse")
        return None

    def measure(self, run: Run, split: str, on_batch: OnBatch | None = None) -> Measured:
        """See `latente.evaluation.likelihood.collapse`; the diagnosis is the warning where latents are unused."""
        data, model = run.data, run.model
        examples = evaluation_examples(model, run.spec.model, data, data.part(split))
        found = usage(model, scale_of(data), examples)
        diagnosis = diagnose(found.variances, run.spec.model, self.threshold)
        values = {
            "active-units": Metric(float(diagnosis.active), 0.0),
            "unused-latents": Metric(float(len(diagnosis.unused)), 0.0),
        }
        arrays: dict[str, NDArray[np.generic]] = {
            "variance_of_means": found.variances,
            "variance_error": found.variance_errors,
            "threshold": np.array(float(self.threshold)),
        }
        if found.kl is not None:
            arrays["kl_per_dimension"] = found.kl.mean(axis=0)
            arrays["kl_per_dimension_error"] = found.kl.std(axis=0, ddof=1) / np.sqrt(len(found.kl))
        if decomposition.unsupported(model) is None:
            parts = run.score("elbo-split", split, on_batch)
            assert parts is not None
            values |= {k: parts.values[k] for k in ("mutual-information", "aggregate-kl")}
            if "information_per_dimension" in parts.arrays:
                arrays["information_per_dimension"] = parts.arrays["information_per_dimension"]
        assert found.prior is not None
        values["aggregate-mmd"] = aggregate_mmd(model, found.codes, found.prior)
        if model.prior.space == "euclidean":
            arrays["mmd_of_wider"] = np.array(aggregate_mmd(model, wider(found.prior), found.prior).value)
        return Measured(values, arrays, (diagnosis.advice,) if diagnosis.unused else ())
