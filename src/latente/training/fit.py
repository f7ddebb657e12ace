"""Fit one run: epochs, early stopping, checkpoints, and a hook after every epoch."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array
from numpy.typing import NDArray

from latente.data.split import Data
from latente.errors import DataError, StoreError, TrainingError
from latente.model.autoencoder import Autoencoder, build
from latente.objective.objectives import Objective, objectives
from latente.spec import RunSpec, as_dict
from latente.training import store
from latente.training.step import Recipe, Scale, State, run_epoch, start

CHECKPOINT_SECONDS = 2.0
"""How much work a kill may cost: the first epoch is checkpointed, and then any that ends so long after the last."""
UNROLL, UNROLL_FROM = 3, 5000
"""Steps compiled as one, for trainings of so many steps: it saves a fifteenth of the time and costs a second more."""
SHOWN = 8
FRAMES = 200

History = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Epoch:
    """What an ``on_epoch`` hook is given.

    Attributes:
        run: the run's spec.
        number, epochs: this epoch, from 1, of so many.
        logs: the epoch's means in nats: "loss", "reconstruction", "kl", the same with "val_" before, and
            "learning_rate".
        model: the model as it stands.
        scale: brings stored values to model values.
        examples: training examples an epoch.
        seconds: how long the epoch took.
        shown: a few validation examples and their reconstructions, model values, shape (n, *shape); or None.
    """

    run: RunSpec
    number: int
    epochs: int
    logs: dict[str, float]
    model: Autoencoder
    scale: Scale
    examples: int
    seconds: float
    shown: tuple[NDArray[np.float32], NDArray[np.float32]] | None


OnEpoch = Callable[[Epoch], object]


@dataclass(frozen=True)
class Fitted:
    """A trained model.

    Attributes:
        model: with the last epoch's weights, or the best's with early stopping.
        history: each of `Epoch.logs` by name, shape (epochs,).
        frames: uint8 reconstructions of the first validation images over the epochs, shape (frames, n, *shape);
            None for tables.
        seconds: time spent training, compilation included, interrupted sessions added up.
    """

    model: Autoencoder
    history: History
    frames: NDArray[np.uint8] | None
    seconds: float


@dataclass(frozen=True)
class _Progress:
    """Whole epochs only: it is replaced in one step, so that Ctrl-C never finds half of one."""

    state: State
    rows: tuple[dict[str, np.float32], ...] = ()
    frames: tuple[NDArray[np.uint8], ...] = ()
    seconds: float = 0.0


def check(spec: RunSpec, data: Data) -> Objective:
    """The objective, after its model was checked against it and the data; nothing is computed.

    Raises:
        SpecError: an unknown part, or parts that make no sense together.
        DataError: values outside the likelihood's support, or fewer examples than a batch.
    """
    model = eqx.filter_eval_shape(build, spec.model, data.shape, key=jr.key(0))
    objective = objectives.make(spec.model.objective)
    objective.check(model)
    for part in (data.train, data.validation, data.test):
        model.likelihood.check(*data.extent(part))
    if len(data.train) < spec.train.batch_size:
        raise DataError(
            f"{data.name}: {len(data.train)} training examples are fewer than one batch of {spec.train.batch_size}; "
            f"give more data, or a batch_size of at most {len(data.train)}"
        )
    return objective


def fit(spec: RunSpec, data: Data, *, checkpoint: Path | None = None, on_epoch: OnEpoch | None = None) -> Fitted:
    """Train one model.

    Args:
        spec: what to do; equal specs and data give equal weights, bit for bit, on one machine.
        data: where to learn from; of the test part only the range is checked against the likelihood's support.
        checkpoint: a file that keeps the training's state; where it exists, training goes on from it.
        on_epoch: called after every epoch.

    Raises:
        SpecError, DataError: as `check`.
        StoreError: the checkpoint is of another spec or data, damaged, or cannot be written.
        TrainingError: the loss is no longer finite.
    """
    objective = check(spec, data)
    key = jr.key(spec.seed)
    model = build(spec.model, data.shape, key=jr.fold_in(key, 0))
    epochs, steps = spec.train.epochs_for(len(data.train)), spec.train.steps(len(data.train))
    recipe = Recipe(
        spec.train.batch_size,
        spec.train.learning_rate,
        spec.train.schedule,
        round(spec.train.warmup * steps * epochs) if spec.train.schedule != "constant" else 0,
        steps * epochs if spec.train.schedule != "constant" else 0,
        UNROLL if steps * epochs >= UNROLL_FROM else 1,
    )
    progress = _Progress(start(model, recipe, keep_best=spec.train.patience > 0))
    about = {"spec": as_dict(spec), "data": data.fingerprint}
    if checkpoint is not None and checkpoint.exists():
        progress = _restored(checkpoint, progress, about)

    scale = Scale(jnp.asarray(data.multiplier), jnp.asarray(data.offset), data.clip)
    train, validation = jnp.asarray(data.train.x), jnp.asarray(data.validation.x)
    shown = validation[:SHOWN] if data.is_image else None
    stride = math.ceil(epochs / FRAMES)
    epoch_keys, validation_key = jr.fold_in(key, 1), jr.fold_in(key, 2)
    saved = -math.inf
    try:
        while (done := len(progress.rows)) < epochs and not _stopped(progress.state, spec.train.patience):
            began = time.monotonic()
            state, row, bad, frame = run_epoch(
                recipe,
                objective,
                progress.state,
                scale,
                train,
                validation,
                shown,
                tuple(jr.split(jr.fold_in(epoch_keys, done))),
                validation_key,
                jnp.int32(done),
            )
            _check_finite(spec, int(bad), row, done + 1, steps)
            seconds = time.monotonic() - began
            keep = done % stride == 0 or done + 1 == epochs
            progress = _Progress(
                state,
                (*progress.rows, {k: np.float32(v) for k, v in row.items()}),
                (*progress.frames, _to_bytes(frame)) if keep and frame is not None else progress.frames,
                progress.seconds + seconds,
            )
            if checkpoint is not None and time.monotonic() - saved >= CHECKPOINT_SECONDS:
                _save(checkpoint, progress, about)
                saved = time.monotonic()
            if on_epoch is not None:
                pairs = None if shown is None else (np.asarray(scale(shown)), np.asarray(frame))
                logs = {k: float(v) for k, v in progress.rows[-1].items()}
                on_epoch(Epoch(spec, done + 1, epochs, logs, state.model, scale, len(data.train), seconds, pairs))
    finally:
        # Also after Ctrl-C: the epochs that are whole are not lost.
        if checkpoint is not None and progress.rows:
            _save(checkpoint, progress, about)
    last = progress.state
    return Fitted(
        last.model if last.best is None else last.best,
        {k: np.array([r[k] for r in progress.rows]) for k in progress.rows[0]},
        np.stack(progress.frames) if progress.frames else None,
        progress.seconds,
    )


def _stopped(state: State, patience: int) -> bool:
    return patience > 0 and int(state.waited) >= patience


def _check_finite(spec: RunSpec, bad: int, row: dict[str, Array], epoch: int, steps: int) -> None:
    where = f"step {bad + 1} of {steps}" if bad >= 0 else "validation"
    if bad >= 0 or not math.isfinite(float(row["val_loss"])):
        raise TrainingError(
            f'run "{spec.name}": the loss stopped being finite in epoch {epoch}, at {where}; try a lower '
            f'learning_rate (now {spec.train.learning_rate:g}), schedule = "warmup-cosine", '
            "or data scaled to 0..1"
        )


def _to_bytes(frame: Array) -> NDArray[np.uint8]:
    return np.asarray(jnp.round(jnp.clip(frame, 0, 1) * 255).astype(jnp.uint8))


def _save(path: Path, progress: _Progress, about: dict[str, Any]) -> None:
    arrays = store.flatten(progress.state, "state.")
    arrays |= {f"history.{k}": np.array([r[k] for r in progress.rows]) for k in progress.rows[0]}
    if progress.frames:
        arrays["frames"] = np.stack(progress.frames)
    store.save_arrays(path, arrays, {**about, "seconds": progress.seconds})


def _restored(path: Path, template: _Progress, about: dict[str, Any]) -> _Progress:
    arrays, theirs = store.load_arrays(path)
    changed = store.differences(about, {k: theirs.get(k) for k in about})
    if changed:
        raise StoreError(
            f"{path}: is a checkpoint of another run ({'; '.join(changed[:3])}); "
            "resume with the arguments it was started with, or choose another --out"
        )
    state = store.unflatten(template.state, arrays, "state.", str(path))
    history = {k.removeprefix("history."): v for k, v in arrays.items() if k.startswith("history.")}
    if not history:
        raise StoreError(f"{path}: has no history; it is damaged, delete it to start the run again")
    rows = tuple(dict(zip(history, row, strict=True)) for row in zip(*history.values(), strict=True))
    frames = tuple(arrays["frames"]) if "frames" in arrays else ()
    return _Progress(state, rows, frames, float(theirs.get("seconds", 0.0)))
