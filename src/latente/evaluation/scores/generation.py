"""Whether samples from the prior are like the data, in a frozen classifier's features, and no copies of it."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from latente.data.split import Data
from latente.errors import SpecError, unknown
from latente.evaluation.batching import subsample
from latente.evaluation.evaluate import Metric
from latente.evaluation.measured import Measured
from latente.evaluation.metrics.checks import whole
from latente.evaluation.metrics.classifier import Classifier, of_one_classifier
from latente.evaluation.metrics.classifier_cache import frozen_classifier
from latente.evaluation.metrics.generation import class_balance, frechet_distance, kernel_distance, manifold
from latente.evaluation.metrics.neighbours import Near, memorisation, nearest, ratio
from latente.evaluation.run import Run
from latente.evaluation.scores.base import (
    OnBatch,
    ScoreWithOptions,
    conditioned,
    conditions_of,
    ends,
    metric,
    not_finite,
    scores,
    suffix,
    too_few,
)
from latente.language.message import Message
from latente.model.priors.none import NoPrior

FEATURES = ("classifier", "values")
LEAST = 30
"""Examples of a part, and samples, below which the numbers would say nothing."""
SEARCHED = 100_000
"""Training examples at most that samples are compared with, drawn with the seed where there are more."""
SHOWN = 12
"""Samples kept to be shown with their neighbours: so many as they come, and so many that are most like a copy."""
NEIGHBOURS = 3
GOOD = 0.8
"""Accuracy below which the classifier's features are called weak."""

Values = NDArray[np.float32]


@scores.register(
    "generation",
    source="Kynkäänniemi et al. 2019; Naeem et al. 2020; Heusel et al. 2017; Bińkowski et al. 2018; Meehan et al. 2020",
)
@dataclass(frozen=True)
class Generation(ScoreWithOptions):
    """Are samples like the data, as varied, and no copies? In the features of a classifier trained on the data set.

    Decoded means of codes from the prior, the fitted one where there is one, against as many examples of the part. A
    model that is told the label or columns is told those of training examples drawn at random.

    Attributes:
        samples: how many are drawn; fewer where the part has fewer examples, for numbers must be equal.
        k: the neighbour that a ball of precision, recall, density and coverage reaches to.
        features: "classifier", or "values" to compare examples as they are, where there are no labels.
        seed: of samples, of the examples drawn and of the groups of the intervals.
    """

    generates: ClassVar[bool] = True

    samples: int = 2000
    k: int = 5
    features: str = "classifier"
    seed: int = 0

    def __post_init__(self) -> None:
        whole("samples", self.samples, LEAST)
        whole("k", self.k, 1, LEAST // 2)
        whole("seed", self.seed, 0)
        if self.features not in FEATURES:
            raise SpecError(unknown("features of generation", self.features, FEATURES))

    def columns(self) -> dict[str, bool | None]:
        """Density is not ranked: samples that crowd in the data's densest places have more than the data itself."""
        found: dict[str, bool | None] = {"precision": False, "recall": False, "density": None, "coverage": False}
        if self.features == "classifier":
            found |= {
                "frechet_classifier_distance": True,
                "frechet_classifier_distance_train": None,
                "kernel_classifier_distance": True,
                "class_divergence": True,
                "classifier_accuracy": None,
            }
        found |= {"nearer_to_train": None, "nearer_to_train_p": None, "copies": True, "copies_held_out": None}
        return {name + suffix(self): lower for name, lower in found.items()}

    def _scale(self, run: Run) -> Message:
        # One classifier, one number of samples, one k: distances in other features are on another scale.
        kept = [m[self.key()].arrays for m in run.measured.values() if self.key() in m]
        features = Message("scale.values" if self.features == "values" else "scale.any_classifier")
        # The classifiers that gave the numbers, and not the one that is on disk today.
        if used := sorted({_classifier(arrays) for arrays in kept if "classifier" in arrays}):
            features = functools.reduce(lambda a, b: Message("scale.both", first=a, second=b), used)
        return conditioned(run, Message("scale.samples", features=features, samples=self.samples, k=self.k))

    def unsupported(self, run: Run) -> Message | None:
        """Without a prior there are no samples, without labels no classifier, and without one unit no distances."""
        if isinstance(run.generator.prior, NoPrior):
            return Message("reason.no_prior")
        if run.model.likelihood.standardises:
            return Message("reason.unlike_columns")
        if run.data.missing:
            return Message("reason.missing_values")
        if self.features == "classifier" and len(run.data.classes) < 2:
            return Message("reason.no_labels_to_classify")
        return too_few(run, LEAST)

    def measure(self, run: Run, split: str, on_batch: OnBatch | None = None) -> Measured:
        """See `latente.evaluation.metrics.generation`, `….classifier` and `….neighbours`.

        Where a sample is not finite there are no numbers, and a warning.
        """
        data, part = run.data, run.data.part(split)
        n = min(self.samples, len(part))
        real = data.values(part.x[subsample(len(part), n, self.seed)])
        drawn = run.sample(n, seed=self.seed, given=_given(run, n, self.seed))
        if warning := not_finite("samples", drawn):
            return Measured({}, {}, (warning,))
        values, arrays = self._copies(data, split, real, drawn)
        arrays["counts"] = np.array([n, n, self.k])
        warnings: tuple[Message, ...] = ()
        if self.features == "classifier":
            classifier = frozen_classifier(data, on_epoch=_beat(on_batch))
            judged, kept, warnings = self._classified(classifier, data, real, drawn)
            values, arrays = judged | values, kept | arrays
        else:
            values = self._around(real.reshape(n, -1), drawn.reshape(n, -1)) | values
        ordered = {name: values.get(name.removesuffix(suffix(self))) for name in self.columns()}
        return Measured({name: found for name, found in ordered.items() if found is not None}, arrays, warnings)

    def _around(self, real: NDArray[Any], drawn: NDArray[Any]) -> dict[str, Metric]:
        found = manifold(real, drawn, self.k, seed=self.seed)
        return {name: metric(getattr(found, name)) for name in ("precision", "recall", "density", "coverage")}

    def _classified(
        self, classifier: Classifier, data: Data, real: Values, drawn: Values
    ) -> tuple[dict[str, Metric], dict[str, NDArray[np.generic]], tuple[Message, ...]]:
        of_real = classifier.features(real)
        both = of_one_classifier(of_real, classifier.features(drawn))
        values = self._around(*both)
        values["frechet_classifier_distance"] = metric(frechet_distance(*both, seed=self.seed))
        if len(data.train) >= len(real):
            # What as many real examples get that the part knows nothing of: nothing that is drawn can expect less.
            known = data.values(data.train.x[subsample(len(data.train), len(real), self.seed)])
            least = frechet_distance(*of_one_classifier(of_real, classifier.features(known)), seed=self.seed)
            values["frechet_classifier_distance_train"] = metric(least)
        values["kernel_classifier_distance"] = metric(kernel_distance(*both))
        balance = class_balance(classifier.predict(real), classifier.predict(drawn), len(data.classes))
        values["class_divergence"] = metric(balance.divergence)
        values["classifier_accuracy"] = metric(classifier.accuracy)
        arrays: dict[str, NDArray[np.generic]] = {
            "classifier": np.frombuffer(bytes.fromhex(classifier.fingerprint), np.uint8),
            "classifier_accuracy": np.array(ends(classifier.accuracy)),
            "class_shares": np.array([ends(share) for share in balance.shares]),
            "class_reference": balance.reference,
            "class_p_value": np.array(balance.p_value),
        }
        right = float(classifier.accuracy.value)
        return values, arrays, (Message("warning.weak_classifier", share=right),) if right < GOOD else ()

    def _copies(
        self, data: Data, split: str, real: Values, drawn: Values
    ) -> tuple[dict[str, Metric], dict[str, NDArray[np.generic]]]:
        """Whether samples lie nearer to training examples than new examples do, and the neighbours of some."""
        held_out = real
        if split == "train":
            held_out = data.values(data.validation.x[subsample(len(data.validation), self.samples, self.seed)])
        searched = subsample(len(data.train), SEARCHED, self.seed)
        train = data.values(data.train.x[searched])
        most = min(NEIGHBOURS, len(train))
        own = nearest(drawn, train, most)
        found = memorisation(own.distance, nearest(held_out, train, 2).distance)
        values = {
            "nearer_to_train": metric(found.nearer),
            "nearer_to_train_p": Metric(found.p_value, 0.0),
            "copies": metric(found.copies),
            "copies_held_out": metric(found.held_out_copies),
        }
        first = np.arange(min(SHOWN, len(drawn)))
        # Those that are nearest to one training example beside the distance to the next.
        alike = np.argsort(ratio(own.distance), kind="stable")[:SHOWN]
        return values, _shown("sample", drawn, own, searched, first) | _shown("suspect", drawn, own, searched, alike)


def _shown(
    name: str, drawn: Values, near: Near, searched: NDArray[np.int64], which: NDArray[np.int64]
) -> dict[str, NDArray[np.generic]]:
    """Samples, shape (s, *shape), their neighbours' places in the training part and distances, (s, k)."""
    return {
        f"{name}s": drawn[which].astype(np.float32),
        f"{name}_neighbours": searched[near.index[which]],
        f"{name}_distances": near.distance[which],
    }


def _given(run: Run, n: int, seed: int) -> NDArray[np.generic] | None:
    """The conditions of n samples of a conditional model: those of training examples drawn at random."""
    known = conditions_of(run, run.data.train)
    return None if known is None else known[np.random.default_rng(seed).integers(len(known), size=n)]


def _beat(on_batch: OnBatch | None) -> Any:
    return None if on_batch is None else lambda epoch, epochs, loss: on_batch(epoch, epochs)


def _classifier(arrays: Any) -> Message:
    fingerprint = np.asarray(arrays["classifier"], np.uint8).tobytes().hex()[:12]
    accuracy = float(arrays["classifier_accuracy"][0])
    return Message("scale.classifier", fingerprint=fingerprint, accuracy=accuracy)
