"""Runs with made-up numbers: models that were never trained, with the values of each example as a test wants them."""

import numpy as np
import pytest

import latente
from latente.evaluation.evaluate import mean_and_error
from latente.evaluation.run import Run
from latente.evaluation.scores.base import EACH, Measured
from latente.spec import RunSpec, TrainSpec
from latente.training.fit import new_model


@pytest.fixture(scope="session")
def make(tiny):
    models = {}

    def run(
        name="vae",
        seed=0,
        spec=None,
        *,
        loss=100.0,
        mse=0.05,
        split="test",
        scored=None,
        unpaired=None,
        epochs=4,
        **train,
    ):
        """A run; ``loss`` and ``mse`` are values of each example, or a mean with noise; ``scored`` maps a score's
        column to such values, ``unpaired`` to a metric without them."""
        spec = spec or latente.VAE(2, hidden=(4,))
        made = RunSpec(name, seed, spec, TrainSpec(epochs=epochs, batch_size=64, **train), tiny.spec)
        if repr(spec) not in models:
            models[repr(spec)] = new_model(made, tiny.shape, len(tiny.classes), 0)
        history = {k: np.zeros(epochs, np.float32) for k in ("loss", "val_loss")}
        found = Run(made, models[repr(spec)], history, None, 1.5 + seed, tiny.card(), _data=tiny)
        n = len(tiny.part(split))
        values = {"loss": loss, "reconstruction": loss, "mse": mse, **(scored or {})}
        found.metrics[split], found.measured[split], found._per_example[split] = {}, {}, {}
        for column, given in values.items():
            rng = np.random.default_rng([seed, *name.encode()])
            each = given + 0.1 * rng.normal(size=n) if np.ndim(given) == 0 else np.asarray(given, float)
            found.metrics[split][column] = mean_and_error(each)
            if column in ("loss", "reconstruction", "mse"):
                found._per_example[split][column] = each
                continue
            score = {"name": "nll", "samples": int(column[4:])} if column.startswith("nll_") else column
            measured = Measured({column: found.metrics[split][column]}, {EACH + column: each}, (), score)
            found.measured[split][column] = measured
        for column, metric in (unpaired or {}).items():
            found.metrics[split][column] = metric
            found.measured[split][column] = Measured({column: metric}, score=column)
        return found

    return run
