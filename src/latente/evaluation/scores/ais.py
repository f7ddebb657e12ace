"""Annealed importance sampling as a check of the bounds on −log p(x)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from latente.errors import SpecError
from latente.evaluation.batching import MEMORY, one_pass, subsample
from latente.evaluation.evaluate import mean_and_error
from latente.evaluation.likelihood.annealing import CHAINS, LEAPS, STEPS, ais, bdmc, unsupported
from latente.evaluation.likelihood.importance import SAMPLES, nll
from latente.evaluation.likelihood.importance import unsupported as unbounded
from latente.evaluation.measured import EACH, Measured
from latente.evaluation.run import Run
from latente.evaluation.scores.base import OnBatch, Score, likelihood_inputs, observation_scale, scores
from latente.language.message import Message

IMAGES = 100
LOOSE = 0.5
"""Nats from which a bound is called loose, or two bounds apart."""


@scores.register("ais", source="Wu et al. 2017, arXiv:1611.04273; Grosse et al. 2015, arXiv:1511.02543")
@dataclass(frozen=True)
class Annealing(Score):
    """−log p(x) of ``images`` examples by annealed importance sampling, which needs no encoder, in nats: also of models
    whose encoder gives points, and which have a prior.

    Beside it, on the same examples: how much looser the importance-weighted bound with ``samples`` codes is; and, on
    as many examples simulated from the model, how far the forward chains are from reverse ones, between which log p(x)
    lies. The examples are a fixed draw from the part. ``chains`` for each, over ``steps`` distributions with ``leaps``
    leapfrog steps in each, from the ``start`` "prior" or "posterior"; ``memory`` is in MB.
    """

    nats: ClassVar[bool] = True

    images: int = IMAGES
    chains: int = CHAINS
    steps: int = STEPS
    leaps: int = LEAPS
    start: str = "prior"
    samples: int = SAMPLES
    memory: float = MEMORY / 2**20

    def __post_init__(self) -> None:
        if isinstance(self.images, bool) or not isinstance(self.images, int) or self.images < 2:
            raise SpecError(f'score "ais": got images = {self.images!r}; allowed: a whole number of at least 2')

    def key(self) -> str:
        """With how long its chains are, and how many examples."""
        return f"ais_{self.steps}" + ("" if self.start == "prior" else f"_{self.start}") + f"_of_{self.images}"

    def columns(self) -> dict[str, bool | None]:
        """The bound; what the importance-weighted one is above it; and what tells of the chains."""
        beside = ("iwae_excess", "bdmc_gap", "ess", "acceptance")
        return {self.key(): True} | dict.fromkeys(f"{self.key()}_{name}" for name in beside)

    def _scale(self, run: Run) -> Message:
        return Message("scale.some", scale=observation_scale(run), images=self.images)

    def unsupported(self, run: Run) -> Message | None:
        """Chains take codes that can be moved."""
        reason = unsupported(run.model)
        if reason is None and self.start == "posterior" and not run.model.posterior.evaluates:
            return Message("reason.annealed_start")
        return reason

    def measure(self, run: Run, split: str, on_batch: OnBatch | None = None) -> Measured:
        """See `latente.evaluation.likelihood.annealing`; a warning where either bound is loose."""
        model, scale, whole = likelihood_inputs(run, split)
        chosen, key = subsample(len(whole), self.images, 0, permuted=True), self.key()
        examples = whole.take(jnp.asarray(chosen))
        memory, n = int(self.memory * 2**20), len(chosen)
        how = {"chains": self.chains, "steps": self.steps, "leaps": self.leaps, "start": self.start, "memory": memory}
        found = ais(model, scale, examples, **how, on_batch=one_pass(on_batch, 0, 2))  # type: ignore[arg-type]
        between = bdmc(model, n, context=examples.context, **how, on_batch=one_pass(on_batch, 1, 2))  # type: ignore[arg-type]
        values = {
            key: found.values,
            f"{key}_bdmc_gap": between.gap,
            f"{key}_ess": found.effective,
            f"{key}_acceptance": found.acceptance,
        }
        arrays: dict[str, NDArray[np.generic]] = {"index": chosen, "lower": between.lower, "upper": between.upper}
        excess = None
        if unbounded(model) is None:
            # By the same keys, so that examples are binarised alike.
            bound = nll(model, scale, examples, samples=self.samples, memory=memory)
            arrays["nll"], excess = bound.values, bound.values - found.values
            values[f"{key}_iwae_excess"] = excess
        # The gap is of simulated examples, which differ from model to model: it pairs with none.
        arrays |= {EACH + k: v for k, v in values.items() if not k.endswith("_bdmc_gap")}
        said = warnings(excess, between.gap, self.samples, self.steps)
        return Measured({k: mean_and_error(v) for k, v in values.items()}, arrays, said)


def warnings(
    excess: NDArray[np.float64] | None, gap: NDArray[np.float64], samples: int, steps: int
) -> tuple[Message, ...]:
    """What to say of two bounds on the same examples (None: there is but one), and of the gap on simulated ones.

    Both of one value an example.
    """
    found = []
    mean = error = 0.0
    if excess is not None:
        mean, error = float(excess.mean()), 2 * float(excess.std(ddof=1)) / math.sqrt(len(excess))
    if mean > LOOSE:
        found.append(Message("warning.annealed_loose", samples=samples, gap=mean))
    if mean < -max(error, 0.05):
        found.append(Message("warning.annealed_short", steps=steps, gap=-mean))
    if gap.mean() > LOOSE:
        found.append(Message("warning.annealed_gap", gap=float(gap.mean())))
    return tuple(found)
