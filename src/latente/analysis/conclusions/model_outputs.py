"""The data that all models of a study are measured on, and what each model makes of it, computed once."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from latente.analysis.conclusions import measures
from latente.analysis.conclusions.measures import Neighbours
from latente.data.split import Data, Split
from latente.evaluation.batching import subsample
from latente.evaluation.evaluate import PerExample
from latente.evaluation.latent import BATCH
from latente.evaluation.metrics import influence
from latente.evaluation.metrics.influence import Floats, Stat
from latente.evaluation.run import Run
from latente.model.autoencoder import Autoencoder

VALIDATION, TRAIN, SAMPLES = 2000, 10_000, 1000
"""At most so many validation and training examples are measured, by a fixed choice, and so many samples drawn."""

VALUES = 40_000_000
"""At most so many values of each part, so that large images stay in memory; but at least `LEAST` examples, and
samples."""

LEAST = 100

WIDEST = 32
"""Images are averaged down to at most this side before distances are taken."""


class SampleSet:
    """Decoded draws of one model, measured against the reference data."""

    def __init__(self, reference: ReferenceData, x: Floats) -> None:
        self._reference = reference
        flat = reference.flat(x)
        self.near = reference.near(flat)
        self.energy: Stat = measures.energy(flat, reference.real, reference.within.value)
        self.spread: Stat = influence.quotient_of_sets(measures.mean_pair_distance(flat), reference.within)
        self.sharpness: Stat | None = None
        if reference.images:
            edges, usual = (influence.mean(g) for g in (measures.gradient_energy(x), reference.gradients))
            self.sharpness = influence.root(influence.quotient_of_sets(edges, usual))

    @property
    def ambiguous(self) -> Floats:
        """One for each draw that is ambiguous, else zero; for data with labels."""
        return self.near.ambiguous

    @property
    def passes(self) -> Floats:
        """One for each draw that passes as new, else zero."""
        return self._reference.passes(self.near)


class ModelOutputs:
    """What one run makes of the reference data."""

    def __init__(self, reference: ReferenceData, run: Run) -> None:
        self._reference, self._run = reference, run

    @cached_property
    def values(self) -> PerExample:
        """Every metric of every validation example."""
        return self._run.per_example("validation")

    @cached_property
    def _codes(self) -> Floats:
        # One call for both parts, for each batch shape is compiled on its own.
        return self._run.encode(np.concatenate([self._reference.x, self._reference.train_x]), scaled=True)

    @property
    def codes(self) -> Floats:
        """Mean codes of the validation examples."""
        return self._codes[: len(self._reference.x)]

    @property
    def train_codes(self) -> Floats:
        """Mean codes of the training examples."""
        return self._codes[len(self._reference.x) :]

    @cached_property
    def reconstructions(self) -> Floats:
        """The validation examples decoded from their mean codes."""
        return self.decode(self.codes)

    @cached_property
    def drawn(self) -> SampleSet:
        """Draws from the prior."""
        return SampleSet(self._reference, self._run.sample(self._reference.samples, seed=0))

    @cached_property
    def fitted(self) -> SampleSet:
        """Draws from a normal with the mean and covariance of the training codes."""
        z = np.asarray(self.train_codes, np.float64)
        covariance = np.atleast_2d(np.cov(z.T))
        # A square root by eigenvectors takes latents that never vary, which a Cholesky factor does not.
        size, direction = np.linalg.eigh(covariance)
        noise = np.random.default_rng(0).standard_normal((self._reference.samples, z.shape[1]))
        codes = z.mean(axis=0) + (noise * np.sqrt(np.maximum(size, 0))) @ direction.T
        return SampleSet(self._reference, self.decode(codes))

    @cached_property
    def normal(self) -> SampleSet:
        """Draws from N(0, I)."""
        noise = np.random.default_rng(1).standard_normal((self._reference.samples, self._run.model.code_size))
        return SampleSet(self._reference, self.decode(noise))

    def decode(self, z: NDArray[Any]) -> Floats:
        """Decoded means of codes, in batches shaped as those of samples are, so that nothing more is compiled."""
        rows = max(len(z), min(BATCH, self._reference.samples))
        return self._run.decode(np.resize(z, (rows, z.shape[1])))[: len(z)]


class ReferenceData:
    """A data set's validation examples, and the training examples that they are compared with.

    Attributes:
        data: the data set.
        x, y: the validation examples measured, as model values, shape (n, *shape), and their labels or None.
        train_x, train_y: the same of the training part.
        classes: how many labels there are; 0 without.
        gradients: gradient energy of the validation images.
        images: whether they are images with any edges.
        samples: how many are drawn from each model.
    """

    def __init__(self, data: Data) -> None:
        self.data = data
        self.x, self.y = _subsample(data, data.validation, VALIDATION)
        self.train_x, self.train_y = _subsample(data, data.train, TRAIN)
        self.classes = len(data.classes) if self.y is not None and self.train_y is not None else 0
        self.gradients = measures.gradient_energy(self.x) if data.is_image else np.zeros(1)
        self.images = data.is_image and float(self.gradients.sum()) > 0
        self.samples = _at_most(data, SAMPLES)
        self._outputs: dict[int, ModelOutputs] = {}

    @cached_property
    def real(self) -> Floats:
        """The validation examples flattened for distances."""
        return self.flat(self.x)

    @cached_property
    def _train(self) -> Floats:
        return self.flat(self.train_x)

    @cached_property
    def within(self) -> Stat:
        """Mean distance between two validation examples."""
        return measures.mean_pair_distance(self.real)

    @cached_property
    def real_near(self) -> Neighbours:
        """Their nearest training examples."""
        return self.near(self.real)

    @cached_property
    def real_passes(self) -> Floats:
        """One for each validation example that would pass as new, else zero."""
        return self.passes(self.real_near)

    @cached_property
    def _usual(self) -> float:
        return float(np.quantile(self.real_near.nearest, 0.95))

    @property
    def grey(self) -> bool:
        """Whether any value is other than 0 and 1."""
        return bool(((self.x != 0) & (self.x != 1)).any())

    @property
    def block(self) -> int:
        """The side of blocks of which about seven make a side of the image, as 4×4 does on 28×28 pixels."""
        return max(2, round(min(self.data.shape[:2]) / 7))

    def flat(self, x: Floats) -> Floats:
        """Examples as rows, large images averaged down first."""
        side = -(-max(x.shape[1:3]) // WIDEST) if self.data.is_image else 1
        return (measures.blocks(x, side) if side > 1 and min(x.shape[1:3]) >= side else x).reshape(len(x), -1)

    def near(self, flat: Floats) -> Neighbours:
        """The nearest training examples of examples that are rows."""
        return measures.neighbours(flat, self._train, self.train_y, self.classes)

    def passes(self, near: Neighbours) -> Floats:
        """One for each example that passes as new, else zero.

        It is as near to a training example as 95% of validation examples are, is no copy, and is not ambiguous
        where there are labels.
        """
        fine = (near.nearest <= self._usual) & ~near.copied
        if self.classes > 1:
            fine &= near.ambiguous == 0
        return fine.astype(np.float64)

    def of(self, run: Run) -> ModelOutputs:
        """What a run makes of it, computed once."""
        return self._outputs.setdefault(id(run), ModelOutputs(self, run))


def operations(model: Autoencoder) -> int | None:
    """Floating-point operations of encoding and decoding one example, as XLA counts them; None where it does not."""
    arrays, rest = eqx.partition(model, eqx.is_array)

    def once(arrays: Autoencoder, x: jax.Array) -> jax.Array:
        whole: Autoencoder = eqx.combine(arrays, rest)
        return whole.mean(whole.code(x))

    counted: Any = jax.jit(once).lower(arrays, jnp.zeros(model.shape)).cost_analysis()
    counted = counted[0] if isinstance(counted, list) else counted
    found = (counted or {}).get("flops", 0)
    return int(found) if found > 0 else None


def _at_most(data: Data, most: int) -> int:
    return min(most, max(LEAST, VALUES // max(int(np.prod(data.shape)), 1)))


def _subsample(data: Data, part: Split, most: int) -> tuple[Floats, NDArray[np.int64] | None]:
    index = subsample(len(part), _at_most(data, most), 0, permuted=True)
    return data.values(part.x[index]), None if part.y is None else part.y[index]
