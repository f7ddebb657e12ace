"""What every score offers: some numbers of a finished run, each with the scale on which it may be compared."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from latente.data.split import Split
from latente.evaluation.evaluate import Metric
from latente.evaluation.measured import Measured
from latente.evaluation.metrics.intervals import Estimate, Z
from latente.evaluation.run import Run
from latente.language.message import Message
from latente.model.autoencoder import Autoencoder
from latente.model.likelihoods import likelihoods
from latente.model.likelihoods.bernoulli import Bernoulli, is_score
from latente.model.likelihoods.mixed import Mixed
from latente.registry import Registry
from latente.spec import Part
from latente.training.examples import Examples, Scale, examples_of, scale_of

scores: Registry[Score] = Registry("score")

OnBatch = Callable[[int, int], object]
"""Called with (examples done, of how many)."""


@dataclass(frozen=True)
class Score:
    """Numbers of a trained model on a part of its data.

    Attributes:
        generates: whether they are about samples, so that another prior makes them others.
        nats: whether the number that models are ranked by is in nats.
    """

    generates: ClassVar[bool] = False
    nats: ClassVar[bool] = False

    def key(self) -> str:
        """What it is kept as: its name, and the options without which its numbers mean little."""
        return name_of(self)

    def part(self) -> Part:
        """It as a study file says it: a name, or a table of it and the options."""
        options = {f.name: getattr(self, f.name) for f in fields(self)}
        name = name_of(self)
        return {"name": name, **options} if options else name

    @abstractmethod
    def columns(self) -> dict[str, bool | None]:
        """Its numbers by name, and whether less is better: None where neither is, and nothing is ranked by it."""

    def scale(self, run: Run) -> str | None:
        """What a run's numbers may be compared with: those of equal scale; None where it has none (see `unsupported`).

        A `Message` where it is to be said in words.
        """
        return None if self.unsupported(run) else self._scale(run)

    def _scale(self, run: Run) -> str:
        return self.key()

    def unsupported(self, run: Run) -> str | None:
        """Why a run has no such numbers, as a clause, a `Message`; None where it has."""
        return None

    @abstractmethod
    def measure(self, run: Run, split: str, on_batch: OnBatch | None = None) -> Measured:
        """The numbers on "train", "validation" or "test"; called only where `scale` is one."""


@dataclass(frozen=True)
class ScoreWithOptions(Score):
    """A score whose options change what its numbers mean."""

    def key(self) -> str:
        """With the options that are not the defaults."""
        return name_of(self) + suffix(self)


@dataclass(frozen=True)
class ScoreOfObservations(Score):
    """A score that compares models that give the same numbers a probability, or a density, and are given the same."""

    def _scale(self, run: Run) -> Message:
        return observation_scale(run)


def name_of(score: Score) -> str:
    """What a score is registered as."""
    return scores.name_of(score).split('"')[1]


def score(run: Run, score: Score | Part, split: str = "test", on_batch: OnBatch | None = None) -> Measured | None:
    """Numbers by which models of different losses compare; kept with the run's metrics, and worked out once.

    Args:
        run: a trained model.
        score: a name ("nll", "mean-mse", …; see `latente.evaluation.scores`), a table such as
            {"name": "nll", "samples": 5000}, or what the registry made of it.
        split: "train", "validation" or "test".
        on_batch: called with (examples done, of how many) by those that take long.

    Returns:
        The numbers, or None where the score means nothing for this model (`Score.unsupported` says why).

    Raises:
        SpecError: an unknown score or option.
    """
    made = score if isinstance(score, Score) else scores.make(score)
    known = run.measured.setdefault(split, {})
    if made.key() not in known:
        if made.scale(run) is None:
            return None
        metrics = run.evaluate(split)
        if not set(made.columns()) <= set(run.known_examples(split)):
            run.record_access(split, made.key())
        found = made.measure(run, split, on_batch)
        known[made.key()] = replace(
            found, score=made.part(), of_samples=made.generates, name=name_of(made), key=made.key()
        )
        metrics.update(known[made.key()].values)
    return known[made.key()]


def likelihood_inputs(run: Run, split: str) -> tuple[Autoencoder, Scale, Examples]:
    """What likelihoods are taken of: a run's model, the scale of its data, and the examples of a part."""
    return run.model, scale_of(run.data), examples_of(run.data, run.data.part(split), run.spec.model)


def conditions_of(run: Run, part: Split) -> NDArray[np.generic] | None:
    """The labels or columns of some examples, as a conditional model is given them; None for other models."""
    if not run.model.is_conditional:
        return None
    return part.context if run.spec.model.condition == "columns" else part.y


def conditioned(run: Run, scale: Message) -> Message:
    """A scale, and that the model is given more than the example, where it is."""
    return Message("scale.conditional", scale=scale) if run.model.is_conditional else scale


def standardised(run: Run, scale: Message) -> Message:
    """A scale of squared errors, and of what columns they are means, where each is in a unit of its own."""
    likelihood = run.model.likelihood
    if not isinstance(likelihood, Mixed):
        return scale
    return Message("scale.standardised", scale=scale, columns=", ".join(likelihood.columns))


def observation_scale(run: Run) -> Message:
    """A scale: of what the likelihood gives a probability or a density, and given what."""
    likelihood = run.model.likelihood
    if isinstance(likelihood, Bernoulli):
        grey = run.card.get("grey")
        # Older versions did not keep it.
        score = is_score(likelihood, run.data.grey if grey is None else grey)
        drawn = {"none": "scale.bits", "static": "scale.once", "dynamic": "scale.anew"}
        key = "scale.score" if score else drawn[likelihood.binarise]
    else:
        whole = likelihood.whole or "discretised" in likelihoods.name_of(likelihood)
        key = "scale.whole" if whole else "scale.density"
    return conditioned(run, Message(key))


Floats = NDArray[np.float64]


def metric(estimate: Estimate) -> Metric:
    """An estimate as value and standard error: of the normal interval as wide as the wider side of its own.

    The wider side, for an interval that ends where the measure does would else look surer than it is.
    """
    wide = max(estimate.high - estimate.value, estimate.value - estimate.low)
    return Metric(float(estimate.value), float(wide) / Z if np.isfinite(wide) else 0.0)


def ends(estimate: Estimate) -> tuple[float, float, float]:
    """Value, low and high, for arrays."""
    return float(estimate.value), float(estimate.low), float(estimate.high)


def suffix(score: Any) -> str:
    """The options of a score that are not its defaults, to tell its columns from others': "_samples500"."""
    said = [(f.name, getattr(score, f.name), f.default) for f in fields(score)]
    texts = [(n, "-".join(map(str, v)) if isinstance(v, tuple) else f"{v}") for n, v, usual in said if v != usual]
    return "".join(f"_{name}{value}" for name, value in texts)


def too_few(run: Run, least: int, parts: tuple[str, ...] = ("validation", "test")) -> Message | None:
    """Why a run has no number that needs so many examples of each part; None where there are enough."""
    sizes = {name: len(run.data.part(name)) for name in parts}
    short = min(sizes, key=lambda name: sizes[name])
    if sizes[short] >= least:
        return None
    return Message("reason.too_few", part=Message(f"report.part.{short}"), n=sizes[short], least=least)


def not_finite(what: str, x: NDArray[np.floating]) -> Message | None:
    """What to say of codes, samples or reconstructions of which some are NaN or infinite; None where none is."""
    bad = int((~np.isfinite(x.reshape(len(x), -1)).all(axis=1)).sum())
    return Message(f"warning.not_finite_{what}", bad=bad, n=len(x)) if bad else None
