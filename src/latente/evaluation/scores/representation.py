"""What mean codes say of labels and keep of neighbourhoods, beside as many principal components."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latente.errors import SpecError, unknown
from latente.evaluation.batching import subsample
from latente.evaluation.evaluate import Metric, mean_and_error
from latente.evaluation.measured import EACH, Measured
from latente.evaluation.metrics.checks import whole
from latente.evaluation.metrics.embedding import baseline, baselines, neighbourhood_overlap, trustworthiness
from latente.evaluation.metrics.representation import (
    Probe,
    best_neighbours,
    best_penalty,
    cluster_agreement,
    few_label_probe,
    knn_probe,
    linear_probe,
)
from latente.evaluation.run import Run
from latente.evaluation.scores.base import OnBatch, ScoreWithOptions, metric, not_finite, scores, suffix, too_few
from latente.language.message import Message

FEW = (1, 10)
"""Labels a class of the few-label probes."""
NEAR = 10
"""Neighbours that neighbourhoods are made of."""
LEAST = 30
MAPPED = 2000
"""Examples of each part at most for baselines that have no way to new examples, or are slow."""
BASELINES = ("pca", "tsne", "umap")
PROBES = ("probe", "probe_knn", *(f"probe_few_{n}" for n in FEW), "ari", "nmi")
PLACES = ("trustworthiness", "overlap")


@dataclass(frozen=True)
class _Part:
    """Examples of a part, flattened model values of shape (n, values), and their labels."""

    x: NDArray[np.float32]
    y: NDArray[np.int64] | None

    def few(self, most: int, seed: int) -> _Part:
        """At most so many of them."""
        rows = subsample(len(self.x), most, seed)
        return _Part(self.x[rows], None if self.y is None else self.y[rows])


@scores.register(
    "representation",
    source="Alain & Bengio 2017; Hubert & Arabie 1985; Venna & Kaski 2001",
)
@dataclass(frozen=True)
class Representation(ScoreWithOptions):
    """Linear, nearest-neighbour and few-label probes of mean codes, k-means clusters, and kept neighbourhoods.

    Probes learn from codes of the training part; their penalty and their number of neighbours are the best on the
    validation part (on a fifth of the training codes, kept from the probe, where the validation part is judged).
    Everything is told of as many principal components of the same examples too, and of other baselines if asked for.

    Arrays: ``confusion``, how often each class (row) was called each class (column) by the linear probe; whether it
    and the nearest-neighbour probe were right, for each example (see `Measured.each`); ``judged``, which examples of
    the part these are.

    Attributes:
        examples: at most so many training examples, and of each other part, drawn with the seed.
        neighbours: at most so many examples for neighbourhoods, whose cost grows with the square.
        against: baselines: "pca", "tsne" (3 latents at most), "umap" (where umap-learn is installed).
        seed: of the draws, of few labels and of k-means.
    """

    examples: int = 5000
    neighbours: int = 2000
    against: tuple[str, ...] = ("pca",)
    seed: int = 0

    def __post_init__(self) -> None:
        whole("examples", self.examples, LEAST)
        whole("neighbours", self.neighbours, LEAST)
        whole("seed", self.seed, 0)
        against = self.against
        if isinstance(against, str) or not all(isinstance(name, str) for name in against):
            raise SpecError(f'against: got {against!r}; allowed: a list of {", ".join(BASELINES)}, such as ["pca"]')
        for name in against:
            if name not in BASELINES:
                raise SpecError(unknown("baseline of representation", name, BASELINES))
        object.__setattr__(self, "against", tuple(dict.fromkeys(against)))

    def columns(self) -> dict[str, bool | None]:
        """The baselines' own numbers are not ranked: they are no model's."""
        found: dict[str, bool | None] = {}
        for name in (*PROBES, *PLACES):
            found[name + self._own()] = False
            found |= {f"{name}_{other}{self._own()}": None for other in self.against}
        return found

    def _own(self) -> str:
        # More baselines change no number of the model's.
        return suffix(Representation(self.examples, self.neighbours, seed=self.seed))

    def _scale(self, run: Run) -> Message:
        # Probes of one data set compare, whatever the models' sizes: these are to be read beside.
        return Message("scale.representation", n=self.examples)

    def unsupported(self, run: Run) -> Message | None:
        """Codes of a model that is given the labels need not hold them."""
        if run.model.is_conditional:
            return Message("reason.given_labels")
        if run.data.missing:
            return Message("reason.missing_values")
        return too_few(run, LEAST, ("train", "validation", "test"))

    def measure(self, run: Run, split: str, on_batch: OnBatch | None = None) -> Measured:
        """See `latente.evaluation.metrics.representation` and `latente.evaluation.metrics.embedding`.

        Where a code is not finite there are no numbers, and a warning; so where a baseline has no codes.
        """
        parts = self._parts(run, split)
        codes: list[NDArray[np.floating]] = [
            run.encode(p.x.reshape(len(p.x), *run.data.shape), scaled=True) for p in parts
        ]
        if warning := not_finite("codes", np.concatenate(codes)):
            return Measured({}, {}, (warning,))
        values, probes = self._numbers(parts, codes)
        warnings = []
        arrays: dict[str, NDArray[np.generic]] = {
            "judged": subsample(len(run.data.part(split)), self.examples, self.seed)
        }
        y = parts[2].y
        if not probes or y is None:
            warnings.append(Message("warning.no_labels_to_probe"))
        else:
            confusion = np.zeros((len(run.data.classes), len(run.data.classes)), np.int64)
            np.add.at(confusion, (y, probes["probe"].predicted), 1)
            arrays["confusion"] = confusion
            arrays |= {EACH + name + self._own(): probe.correct for name, probe in probes.items()}
        if split == "train":
            warnings.append(Message("warning.probed_on_train"))
        for at, name in enumerate(self.against, 1):
            if on_batch is not None:
                on_batch(at, 1 + len(self.against))
            if name not in baselines():
                warnings.append(Message("warning.not_installed", name=name))
                continue
            fewer = parts if name == "pca" else [p.few(MAPPED, self.seed) for p in parts]
            try:
                codes = _coded(name, fewer, codes[2].shape[1], self.seed)
            except SpecError as error:
                warnings.append(Message("warning.no_baseline", name=name, error=str(error)))
                continue
            values |= {f"{column}_{name}": value for column, value in self._numbers(fewer, codes)[0].items()}
        named = {name + self._own(): value for name, value in values.items()}
        return Measured({c: named[c] for c in self.columns() if c in named}, arrays, tuple(warnings))

    def _parts(self, run: Run, split: str) -> list[_Part]:
        """What probes learn from, are tuned on and are judged on."""
        data = run.data
        rows = subsample(len(data.train), self.examples, self.seed)
        chosen = [(data.train, rows), (data.validation, subsample(len(data.validation), self.examples, self.seed))]
        if split == "validation":
            # What is judged tunes nothing.
            fifth = np.arange(len(rows)) % 5 == 0
            chosen = [(data.train, rows[~fifth]), (data.train, rows[fifth])]
        chosen.append((data.part(split), subsample(len(data.part(split)), self.examples, self.seed)))
        return [
            _Part(data.values(part.x[rows]).reshape(len(rows), -1), None if part.y is None else part.y[rows])
            for part, rows in chosen
        ]

    def _numbers(
        self, parts: Sequence[_Part], codes: Sequence[NDArray[np.floating]]
    ) -> tuple[dict[str, Metric], dict[str, Probe]]:
        """Every number of codes of three parts; and the two probes, where there are labels."""
        train, held, judged = codes
        near = subsample(len(judged), self.neighbours, self.seed)
        places = {
            "trustworthiness": metric(trustworthiness(parts[2].x[near], judged[near], NEAR)),
            "overlap": metric(neighbourhood_overlap(parts[2].x[near], judged[near], NEAR)),
        }
        labels = [p.y for p in parts]
        if labels[0] is None or labels[1] is None or labels[2] is None or np.ptp(labels[0]) == 0:
            return places, {}
        learnt = (train, labels[0], judged, labels[2])
        tuning = (train, labels[0], held, labels[1])
        probes = {
            "probe": linear_probe(*learnt, c=best_penalty(*tuning)),
            "probe_knn": knn_probe(*learnt, best_neighbours(*tuning)),
        }
        values = {name: mean_and_error(probe.correct) for name, probe in probes.items()}
        fewest = int(np.bincount(labels[0])[np.unique(labels[0])].min())
        sizes = [n for n in FEW if n <= fewest]
        for size, found in few_label_probe(*learnt, per_class=sizes, seed=self.seed).items() if sizes else ():
            values[f"probe_few_{size}"] = metric(found)
        clusters = cluster_agreement(judged, labels[2], seed=self.seed)
        return values | {"ari": metric(clusters.ari), "nmi": metric(clusters.nmi)} | places, probes


def _coded(name: str, parts: Sequence[_Part], size: int, seed: int) -> list[NDArray[np.floating]]:
    """Codes of a baseline for three parts, fitted to the first."""
    others = np.concatenate([parts[1].x, parts[2].x])
    found = baseline(name, parts[0].x, others, size, seed=seed)
    return [found.train, found.test[: len(parts[1].x)], found.test[len(parts[1].x) :]]
