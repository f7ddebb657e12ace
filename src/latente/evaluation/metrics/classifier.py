"""The frozen classifier in whose features samples are judged: a recipe, trained once for each data set and kept.

Inception's features mean nothing for digits. A small network trained on the data set itself takes its place; values
from two different classifiers cannot be compared, so each classifier and all its features carry a fingerprint.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import optax
from jax import Array
from numpy.typing import ArrayLike, NDArray

from latente.compiling import jit
from latente.data.split import Data, Split
from latente.errors import DataError, SpecError
from latente.evaluation.batching import filled
from latente.evaluation.metrics.checks import array
from latente.evaluation.metrics.intervals import Estimate, wilson
from latente.memory import arrays_at_once
from latente.model.nets import MLP, activation
from latente.training import store
from latente.training.examples import Scale, scale_of, stored
from latente.training.order import random_order

BATCH = 1000
"""At most so many examples at a time, fewer where they are large: three copies of them must fit."""

OnEpoch = Callable[[int, int, float], object]


@dataclass(frozen=True)
class ClassifierRecipe:
    """How the classifier is trained; another value, or another version, is another classifier.

    Attributes:
        hidden: widths of the hidden layers; the last one's values are the features.
        activation: between layers.
        steps, passes: training takes so many steps, or so many passes over the data where that is more.
        batch_size: examples a step.
        learning_rate: AdamW's at its peak, after a warm-up of a tenth and before a cosine to zero.
        weight_decay: AdamW's.
        shift: images are moved at random by up to this share of their shorter side in each direction.
        seed: of weights, order and shifts.
        version: of the code.
    """

    hidden: tuple[int, ...] = (256, 64)
    activation: str = "relu"
    steps: int = 1200
    passes: int = 5
    batch_size: int = 64
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    shift: float = 0.075
    seed: int = 0
    version: int = 1

    def epochs(self, examples: int) -> int:
        """Passes over so many examples."""
        return max(self.passes, math.ceil(self.steps / self.steps_an_epoch(examples)))

    def steps_an_epoch(self, examples: int) -> int:
        """Whole batches; what is left over is another part in each epoch."""
        return max(1, examples // self.batch_size)


RECIPE = ClassifierRecipe()


@dataclass(frozen=True)
class Features:
    """Features of examples, shape (n, d), and the fingerprint of the classifier that gave them."""

    values: NDArray[np.float64]
    fingerprint: str


@dataclass(frozen=True)
class Classifier:
    """A trained classifier, never to be changed.

    Attributes:
        net: from standardised values to a score for each class.
        centre, spread: what values are standardised by: of all pixels together, or of each column of a table.
        data, data_fingerprint: what it was trained on, the training part only.
        recipe: how.
        classes: their names.
        accuracy: on the validation part, with Wilson's interval.
        fingerprint: SHA-256 of recipe, data and weights, in hex.
    """

    net: MLP
    centre: NDArray[np.float32]
    spread: NDArray[np.float32]
    data: str
    data_fingerprint: str
    recipe: ClassifierRecipe
    classes: tuple[str, ...]
    accuracy: Estimate
    fingerprint: str

    def features(self, values: ArrayLike) -> Features:
        """The last hidden layer's values of examples, shape (n, d).

        Args:
            values: model values (`Data.values`, samples or reconstructions), shape (n, *shape); not stored bytes.

        Raises:
            DataError: none, bytes, not finite, or of another size than the classifier's.
        """
        return Features(self._apply(values)[0].astype(np.float64), self.fingerprint)

    def predict(self, values: ArrayLike) -> NDArray[np.int64]:
        """The likeliest class, shape (n,); arguments and errors are those of `features`."""
        return np.asarray(self._apply(values)[1].argmax(axis=1), np.int64)

    def _apply(self, values: ArrayLike) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        x = array("values", values)
        if x.dtype.kind != "f":
            raise DataError(f"values: got {x.dtype}; allowed: model values (floats), as Data.values gives them")
        inputs = self.net.layers[0].weight.shape[0]
        if math.prod(x.shape[1:]) != inputs:
            raise DataError(f"values: have {math.prod(x.shape[1:])} numbers an example, but {self.data} has {inputs}")
        # One shape, one compilation; and an example's features do not depend on how many come with it.
        flat = (x.reshape(len(x), -1).astype(np.float32) - self.centre.ravel()) / self.spread.ravel()
        found = [
            _forward(self.net, jnp.asarray(flat[index]))
            for _, index in filled(len(x), arrays_at_once(3 * inputs, BATCH))
        ]
        hidden, scores = (np.concatenate(parts)[: len(x)] for parts in zip(*found, strict=True))
        return hidden, scores


def train_classifier(data: Data, recipe: ClassifierRecipe = RECIPE, *, on_epoch: OnEpoch | None = None) -> Classifier:
    """Train a classifier; equal data and recipes give equal weights on one machine.

    Args:
        data: with labels of at least two classes; the test part is not looked at.
        recipe: how to train.
        on_epoch: called after each epoch with its number from 1, how many there are, and its mean loss in nats.

    Raises:
        DataError: data without labels, with one class only, or with missing values.
    """
    if data.train.y is None or data.validation.y is None or len(data.classes) < 2:
        raise DataError(
            f"{data.name}: a classifier needs labels of at least two classes, and it has {len(data.classes)}; "
            "give labels, or compare samples in pixels or in another encoder's features"
        )
    array(f"{data.name}: training part", data.train.x)
    batch = min(recipe.batch_size, len(data.train))
    steps = recipe.epochs(len(data.train)) * recipe.steps_an_epoch(len(data.train))
    key = jr.key(recipe.seed)
    centre, spread = _moments(data)
    # Compiled for all seeds alike.
    fixed = dataclasses.replace(recipe, seed=0)
    net, state = _start(fixed, steps, data.shape, len(data.classes), key)
    scale = scale_of(data)
    shift = round(recipe.shift * min(data.shape[:2])) if data.is_image else 0
    x, y = stored(data, data.train.x), jnp.asarray(data.train.y, jnp.int32)
    epochs = recipe.epochs(len(x))
    for epoch in range(epochs):
        net, state, loss = _epoch(
            fixed, steps, batch, shift, net, state, scale, (centre, spread), x, y, key, np.int32(epoch)
        )
        if on_epoch is not None:
            on_epoch(epoch + 1, epochs, float(loss))
    digest = fingerprint_of(net, centre, spread, data.fingerprint, recipe)
    unjudged = Estimate(0.0, 0.0, 1.0)
    untested = Classifier(net, centre, spread, data.name, data.fingerprint, recipe, data.classes, unjudged, digest)
    return dataclasses.replace(untested, accuracy=_accuracy(untested, data, data.validation))


def _optimizer(recipe: ClassifierRecipe, steps: int) -> optax.GradientTransformation:
    rate = optax.warmup_cosine_decay_schedule(0.0, recipe.learning_rate, max(1, steps // 10), steps)
    return optax.adamw(rate, weight_decay=recipe.weight_decay)


@jit
def _start(
    recipe: ClassifierRecipe, steps: int, shape: tuple[int, ...], classes: int, key: Array
) -> tuple[MLP, optax.OptState]:
    # Compiled as one: each small program of its own would cost a tenth of a second.
    net = untrained(shape, classes, recipe, key=jr.fold_in(key, 0))
    return net, _optimizer(recipe, steps).init(eqx.filter(net, eqx.is_array))


@jit
def _epoch(
    recipe: ClassifierRecipe,
    steps: int,
    batch: int,
    shift: int,
    net: MLP,
    state: optax.OptState,
    scale: Scale,
    standard: tuple[NDArray[np.float32], NDArray[np.float32]],
    x: Array,
    y: Array,
    key: Array,
    epoch: np.int32,
) -> tuple[MLP, optax.OptState, Array]:
    """One pass over the training part in a new order; the new net, and the mean loss."""
    optimizer = _optimizer(recipe, steps)
    batches = max(1, len(x) // batch)
    keys = jr.split(jr.fold_in(jr.fold_in(key, 1), epoch))
    order = random_order(keys[0], len(x))[: batches * batch].reshape(batches, batch)
    shifts = jr.randint(keys[1], (batches, 2), 0, 2 * shift + 1)
    learnt, fixed = eqx.partition(net, eqx.is_array)

    def step(carry: tuple[MLP, optax.OptState], drawn: tuple[Array, Array]) -> tuple[tuple[MLP, optax.OptState], Array]:
        learnt, state = carry
        index, moved = drawn
        images = (scale(x[index]) - standard[0]) / standard[1]
        if shift:
            # A whole batch is moved alike: a gather for each image would take longer than the network.
            rest = [(0, 0)] * (images.ndim - 3)
            padded = jnp.pad(images, [(0, 0), (shift, shift), (shift, shift), *rest], mode="edge")
            start = [jnp.int32(0), moved[0], moved[1], *(jnp.int32(0) for _ in rest)]
            images = jax.lax.dynamic_slice(padded, start, images.shape)

        def loss(learnt: MLP) -> Array:
            scores = _layers(eqx.combine(learnt, fixed), images.reshape(batch, -1))[1]
            given = jnp.take_along_axis(scores, y[index][:, None], axis=1)[:, 0]
            return jnp.mean(jax.nn.logsumexp(scores, axis=1) - given)

        value, grads = jax.value_and_grad(loss)(learnt)
        updates, state = optimizer.update(grads, state, learnt)
        return (eqx.apply_updates(learnt, updates), state), value

    (learnt, state), losses = jax.lax.scan(step, (learnt, state), (order, shifts))
    return eqx.combine(learnt, fixed), state, losses.mean()


def _layers(net: MLP, x: Array) -> tuple[Array, Array]:
    """Features and scores of standardised examples, shape (n, inputs)."""
    act = activation(net.activation)
    for layer in net.layers[:-1]:
        x = act(x @ layer.weight + layer.bias)
    return x, x @ net.layers[-1].weight + net.layers[-1].bias


_forward = jit(_layers)


def untrained(shape: tuple[int, ...], classes: int, recipe: ClassifierRecipe, *, key: Array) -> MLP:
    """A net with the recipe's first weights."""
    return MLP((math.prod(shape), *recipe.hidden, classes), recipe.activation, key=key)


def _moments(data: Data) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and deviation of the training part's values: of all pixels together, or of each column."""
    axis = None if data.is_image else 0
    total: Any = 0.0
    square: Any = 0.0
    size = arrays_at_once(3 * math.prod(data.shape), BATCH)
    for at in range(0, len(data.train), size):
        values = data.values(data.train.x[at : at + size]).astype(np.float64)
        total, square = total + values.sum(axis=axis), square + (values**2).sum(axis=axis)
    count = len(data.train) * (math.prod(data.shape) if axis is None else 1)
    mean = np.asarray(total / count)
    spread = np.sqrt(np.maximum(square / count - mean**2, 0))
    return mean.astype(np.float32), np.where(spread > 1e-6, spread, 1).astype(np.float32)


def _accuracy(classifier: Classifier, data: Data, split: Split) -> Estimate:
    size = arrays_at_once(3 * math.prod(data.shape), BATCH)
    right = [
        classifier.predict(data.values(split.x[at : at + size])) == split.y[at : at + size]
        for at in range(0, len(split), size)
        if split.y is not None
    ]
    return wilson(float(np.concatenate(right).mean()), len(split))


def as_plain(recipe: ClassifierRecipe) -> dict[str, Any]:
    """A recipe, ready for JSON."""
    return {**dataclasses.asdict(recipe), "hidden": list(recipe.hidden)}


def fingerprint_of(
    net: MLP, centre: NDArray[np.float32], spread: NDArray[np.float32], data: str, recipe: ClassifierRecipe
) -> str:
    """SHA-256 of the recipe, the data's fingerprint and every weight, in hex."""
    digest = hashlib.sha256(json.dumps([as_plain(recipe), data], sort_keys=True).encode())
    for name, value in sorted({**store.flatten(net, "net."), "centre": centre, "spread": spread}.items()):
        digest.update(f"{name} {value.dtype} {value.shape}".encode())
        digest.update(np.ascontiguousarray(value).tobytes())
    return digest.hexdigest()


def of_one_classifier(real: Features, samples: Features) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The values of two sets of features, for a distance between them; to be asked before they are compared.

    Raises:
        SpecError: they are of two classifiers.
    """
    if real.fingerprint != samples.fingerprint:
        raise SpecError(
            f"classifier distance: got features of 2 classifiers ({real.fingerprint[:12]} and "
            f"{samples.fingerprint[:12]}); allowed: one, for values in other features are on another scale. Evaluate "
            "all with the classifier of one data set"
        )
    return real.values, samples.values
