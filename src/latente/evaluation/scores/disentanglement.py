"""How mean codes relate to the factors that made each example, where these are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latente.evaluation.batching import subsample
from latente.evaluation.evaluate import Metric
from latente.evaluation.measured import Measured
from latente.evaluation.metrics.checks import whole
from latente.evaluation.metrics.disentanglement import NAMES, entropy, mutual_information
from latente.evaluation.metrics.disentanglement import scores as every_score
from latente.evaluation.run import Run
from latente.evaluation.scores.base import OnBatch, ScoreWithOptions, not_finite, scores, suffix, too_few
from latente.evaluation.traversal import posterior_steps, traverse
from latente.language.message import Message

LEAST = 100
STEPS = 9
MOVED = 10
"""Latents at most that are shown moving: those that change the image most."""


@scores.register(
    "disentanglement",
    source="Chen et al. 2018; Eastwood & Williams 2018; Kumar et al. 2018; Kim & Mnih 2018; Ridgeway & Mozer 2018; "
    "Suter et al. 2019",
)
@dataclass(frozen=True)
class Disentanglement(ScoreWithOptions):
    """MIG, DCI, SAP, FactorVAE score, modularity and IRS of the mean codes, all in 0..1 and more for better.

    Arrays: ``information``, shape (latents, factors): mutual information of a latent and a factor over the factor's
    entropy, in 0..1; ``gaps`` and ``gap_errors``, shape (factors,): MIG's gap of each factor and its standard error; of
    images also ``traversal``, shape (moving, steps, *shape): one example's code decoded with one latent at a time at
    its quantiles, ``traversal_latents`` (moving,), ``traversal_at`` (moving, steps) and ``traversal_change`` (moving,),
    see `latente.evaluation.traversal`.

    Attributes:
        examples: at most so many of the part, drawn with the seed.
        draws: resamplings for the standard errors of MIG, of the FactorVAE score (20 at most, with votes drawn anew),
            and of SAP where no factor is a name; the others have none, and 0 is said.
        seed: of every draw.
    """

    examples: int = 5000
    draws: int = 50
    seed: int = 0

    def __post_init__(self) -> None:
        whole("examples", self.examples, LEAST)
        whole("draws", self.draws, 0)
        whole("seed", self.seed, 0)

    def columns(self) -> dict[str, bool | None]:
        """Informativeness is ranked too, though it only says that the factors can be read off."""
        return {name + suffix(self): False for name in NAMES}

    def _scale(self, run: Run) -> Message:
        # More latents are another matter, but not another scale.
        return Message("scale.disentanglement", factors=", ".join(f.name for f in run.data.known))

    def unsupported(self, run: Run) -> Message | None:
        """Without known factors there is nothing to compare codes with."""
        if len(run.data.known) < 2:
            return Message("reason.no_factors")
        if run.model.is_conditional:
            return Message("reason.given_labels")
        if run.model.code_size < 2:
            return Message("reason.one_latent")
        return too_few(run, LEAST)

    def measure(self, run: Run, split: str, on_batch: OnBatch | None = None) -> Measured:
        """See `latente.evaluation.metrics.disentanglement`.

        Where a code is not finite there are no numbers, and a warning.

        Raises:
            DataError: a factor of a single value among the examples.
        """
        data, part = run.data, run.data.part(split)
        rows = subsample(len(part), self.examples, self.seed)
        assert part.factors is not None
        codes, factors = run.encode(data.values(part.x[rows]), scaled=True), part.factors[rows]
        if warning := not_finite("codes", codes):
            return Measured({}, {}, (warning,))
        named = [any(isinstance(v, str) for v in factor.values) for factor in data.known]
        found = every_score(codes, factors, seed=self.seed, categorical=named, draws=self.draws)
        values = {
            name + suffix(self): Metric(score.value, score.standard_error or 0.0) for name, score in found.items()
        }
        information = mutual_information(np.asarray(codes, np.float64), factors)
        shares = information / [entropy(np.bincount(column)) for column in factors.T]
        arrays: dict[str, NDArray[np.generic]] = {"information": shares}
        if found["mig"].each_error is not None:
            arrays |= {"gaps": found["mig"].each, "gap_errors": found["mig"].each_error}
        if data.is_image:
            arrays |= _moved(run, codes)
        return Measured(values, arrays)


def _moved(run: Run, codes: NDArray[np.floating]) -> dict[str, NDArray[np.generic]]:
    """Of the example whose code is nearest to the middle, at the codes' own quantiles."""
    apart = ((codes - codes.mean(axis=0)) ** 2).sum(axis=1)
    base = codes[[int(apart.argmin())]]
    found = traverse(run.decode, base, posterior_steps(codes, STEPS))
    most = np.sort(np.argsort(-found.change, kind="stable")[:MOVED])
    return {
        "traversal": found.images[0, most].astype(np.float32),
        "traversal_latents": found.latents[most],
        "traversal_at": np.asarray(found.at[most], np.float64),
        "traversal_change": found.change[most],
    }
