"""Distances between sets in the features of one frozen classifier, and the refusal to compare across classifiers."""

from __future__ import annotations

from dataclasses import dataclass

from latente.errors import SpecError
from latente.evaluation.findings.measures import LEVEL, Estimate
from latente.evaluation.metrics.classifier import Features
from latente.evaluation.metrics.generation import frechet_distance, kernel_distance


@dataclass(frozen=True)
class ClassifierDistance:
    """A distance in a classifier's features; it means something beside others of the same classifier only.

    Attributes:
        estimate: the distance with its interval.
        fingerprint: the classifier's.
        real, samples: how many of each; the plain Fréchet distance is to be compared at equal numbers only.
    """

    estimate: Estimate
    fingerprint: str
    real: int
    samples: int


def frechet_classifier_distance(
    real: Features, samples: Features, *, corrected: bool = False, seed: int = 0, level: float = LEVEL
) -> ClassifierDistance:
    """The Fréchet distance in a classifier's features: see `latente.evaluation.metrics.generation.frechet_distance`.

    Raises:
        SpecError: features of two classifiers, or a level out of range.
        DataError: fewer than 4 examples in either set.
    """
    fingerprint = one_classifier(real, samples)
    found = frechet_distance(real.values, samples.values, corrected=corrected, seed=seed, level=level)
    return ClassifierDistance(found, fingerprint, len(real.values), len(samples.values))


def kernel_classifier_distance(real: Features, samples: Features, *, level: float = LEVEL) -> ClassifierDistance:
    """The kernel distance in a classifier's features: see `latente.evaluation.metrics.generation.kernel_distance`.

    Raises:
        SpecError: features of two classifiers, or a level out of range.
        DataError: fewer than 3 examples in either set.
    """
    fingerprint = one_classifier(real, samples)
    found = kernel_distance(real.values, samples.values, level=level)
    return ClassifierDistance(found, fingerprint, len(real.values), len(samples.values))


def one_classifier(*found: Features | ClassifierDistance) -> str:
    """The fingerprint that all of these share; to be asked before distances are put side by side.

    Raises:
        SpecError: none given, or more than one classifier among them.
    """
    prints = list(dict.fromkeys(f.fingerprint for f in found))
    if len(prints) != 1:
        names = " and ".join(p[:12] for p in prints) or "none"
        raise SpecError(
            f"classifier distance: got features of {len(prints)} classifiers ({names}); allowed: one, for values "
            "in other features are on another scale. Evaluate all with the classifier of one data set"
        )
    return prints[0]
