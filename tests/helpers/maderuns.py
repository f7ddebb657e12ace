"""Runs with made-up numbers: models that were never trained, with the values of each example as a test wants them."""

import numpy as np

import latente
from latente.evaluation.evaluate import mean_and_error
from latente.evaluation.measured import EACH, Measured
from latente.evaluation.run import Run
from latente.spec import RunSpec, TrainSpec
from latente.training.check import new_model

_models = {}


def blank_run(data, name="vae", seed=0, spec=None, epochs=4, **train):
    """A run that was never evaluated, of a model that was never trained."""
    spec = spec or latente.VAE(2, hidden=(4,))
    made = RunSpec(name, seed, spec, TrainSpec(epochs=epochs, batch_size=64, **train), data.spec)
    if repr(spec) not in _models:
        _models[repr(spec)] = new_model(made, data.shape, len(data.classes), 0)
    history = {k: np.zeros(epochs, np.float32) for k in ("loss", "val_loss")}
    return Run(made, _models[repr(spec)], history, None, 1.5 + seed, data.card(), _data=data)


def made_run(
    data, name="vae", seed=0, spec=None, *,
    loss=100.0, mse=0.05, split="test", scored=None, unpaired=None, epochs=4, **train,
):  # fmt: skip
    """A run with numbers.

    Args:
        loss, mse: of each example, or a mean around which the examples scatter a little.
        split: of which part, or parts (then means only).
        scored: columns of scores with such values.
        unpaired: columns of scores with a metric and nothing for each example.
    """
    run = blank_run(data, name, seed, spec, epochs, **train)
    values = {"loss": loss, "reconstruction": loss, "mse": mse, **(scored or {})}
    for part in (split,) if isinstance(split, str) else split:
        metrics, measured, examples = run.metrics.setdefault(part, {}), run.measured.setdefault(part, {}), {}
        for column, given in values.items():
            rng = np.random.default_rng([seed, *name.encode()])
            n = len(data.part(part))
            each = given + 0.1 * rng.normal(size=n) if np.ndim(given) == 0 else np.asarray(given, float)
            metrics[column] = mean_and_error(each)
            if column in ("loss", "reconstruction", "mse"):
                examples[column] = each
                continue
            score = {"name": "nll", "samples": int(column[4:])} if column.startswith("nll_") else column
            measured[column] = Measured({column: metrics[column]}, {EACH + column: each}, (), score)
        for column, metric in (unpaired or {}).items():
            metrics[column] = metric
            measured[column] = Measured({column: metric}, score=column)
        run._per_example[part] = examples
    return run
