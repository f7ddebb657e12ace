"""The ELBO's parts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latente.evaluation.batching import MEMORY
from latente.evaluation.evaluate import mean_and_error
from latente.evaluation.likelihood.decomposition import decompose, unsupported
from latente.evaluation.measured import EACH, Measured
from latente.evaluation.run import Run
from latente.evaluation.scores.base import OnBatch, ScoreOfObservations, likelihood_inputs, scores
from latente.language.message import Message


@scores.register("elbo-split", source="Chen et al. 2018, arXiv:1802.04942, eq. 2; Hoffman & Johnson 2016")
@dataclass(frozen=True)
class ELBODecomposition(ScoreOfObservations):
    """Distortion and rate, and the rate as mutual information, total correlation and dimension-wise KL, in nats.

    ``samples`` codes an example; ``memory`` is in MB. Every code is held against every example of the part, whose
    number the mutual information cannot pass the log of.
    """

    samples: int = 1
    memory: float = MEMORY / 2**20

    def columns(self) -> dict[str, bool | None]:
        """None is better for being less; ``aggregate-kl`` is total correlation + dimension-wise KL."""
        names = ("distortion", "rate", "mutual-information", "aggregate-kl", "total-correlation", "dimension-kl")
        return dict.fromkeys(names)

    def unsupported(self, run: Run) -> Message | None:
        """The aggregate posterior takes densities at other examples' codes."""
        return unsupported(run.model)

    def measure(self, run: Run, split: str, on_batch: OnBatch | None = None) -> Measured:
        """See `likelihood.decomposition.decompose`; a warning where the mutual information is at its most."""
        memory = int(self.memory * 2**20)
        found = decompose(*likelihood_inputs(run, split), samples=self.samples, memory=memory, on_batch=on_batch)
        values = {
            "distortion": found.distortion,
            "rate": found.rate,
            "mutual-information": found.mutual_information,
            "aggregate-kl": found.aggregate_kl,
        }
        arrays: dict[str, NDArray[np.generic]] = {}
        if found.total_correlation is not None:
            values["total-correlation"] = found.total_correlation
        if found.information is not None:
            arrays["information_per_dimension"] = found.information.mean(axis=0)
        if found.dimension_kl is not None:
            values["dimension-kl"] = found.dimension_kl.sum(axis=1)
            arrays["dimension_kl"] = found.dimension_kl.mean(axis=0)
        arrays |= {EACH + k: v for k, v in values.items()}
        return Measured({k: mean_and_error(v) for k, v in values.items()}, arrays, found.warnings())
