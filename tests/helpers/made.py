"""Data that several tests make."""

import numpy as np


def blobs(n=300, shape=(6, 5), classes=3, seed=0):
    """Grey images of `classes` fixed patterns with noise, and their labels."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, n)
    patterns = rng.uniform(0, 1, (classes, *shape))
    x = np.clip(patterns[y] + 0.1 * rng.normal(size=(n, *shape)), 0, 1)
    return (255 * x).astype(np.uint8), y


def built(spec, shape, classes=0, columns=0):
    """As `latente.training.check.new_model`, with weights from NumPy: many small programs need not be compiled."""
    import equinox as eqx
    import jax
    import jax.numpy as jnp

    from latente.training.check import new_model

    rng = np.random.default_rng(spec.seed)
    empty = eqx.filter_eval_shape(lambda: new_model(spec, shape, classes, columns))
    fill = lambda leaf: jnp.asarray(rng.normal(size=leaf.shape) / 3, leaf.dtype)  # noqa: E731
    return jax.tree.map(lambda leaf: fill(leaf) if isinstance(leaf, jax.ShapeDtypeStruct) else leaf, empty)


def batch_of(x, keys, *, context=None):
    """A batch of model values x of shape (n, *shape) as it is after training."""
    import jax.numpy as jnp

    from latente.objective.terms import LAST_STEP, Batch

    return Batch(x, keys, jnp.ones(len(x)), context, None, jnp.int32(LAST_STEP), len(x))


def untrained(data, model, name="run", seed=0):
    """A run with random weights: training would say nothing more about what is done with it."""
    from latente.evaluation.run import Run
    from latente.spec import RunSpec, TrainSpec

    spec = RunSpec(name, seed, model, TrainSpec(epochs=1), data.spec)
    history = {k: np.float32([1.0]) for k in ("loss", "reconstruction", "kl", "learning_rate")}
    model = built(spec, data.shape, len(data.classes), len(data.columns))
    return Run(spec, model, history, None, 0.0, data.card(), {}, data)
