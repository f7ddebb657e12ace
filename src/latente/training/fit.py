"""Fit one run: epochs, early stopping, checkpoints, and a hook after every epoch."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array
from numpy.typing import NDArray

from latente import stopping
from latente.compiling import compiled
from latente.data.split import Data
from latente.data.units import Units, span_of
from latente.errors import SpecError, StoreError, TrainingError
from latente.model.autoencoder import Autoencoder
from latente.model.build import start as start_model
from latente.objective.objectives import Objective
from latente.objective.objectives.base import Opponent
from latente.spec import RunSpec, TrainSpec, as_dict
from latente.training import store
from latente.training.check import check, model_for
from latente.training.examples import Examples, Scale, examples_of, scale_of
from latente.training.step import Recipe, State, run_epoch, start
from latente.training.transfer import Parent, say_transferred, transferred

CHECKPOINT_SECONDS, CHECKPOINT_SHARE = 2.0, 0.01
"""How much work a kill may cost: the first epoch is checkpointed, then the first to end so many seconds later, or later
still, so that writing takes no more than this share of the time."""
SHOWN = 8
STARTED = 1000
"""How many training examples are available to parts that start from data."""
FRAMES, FRAMES_MEMORY = 200, 256 * 2**20
"""The most frames of reconstructions kept over the epochs, and their most bytes; but at least ten frames."""

History = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class EpochNumbers:
    """The results of an epoch.

    Attributes:
        run: the run's spec.
        number, epochs: this epoch, from 1, and their total.
        logs: the epoch's means in nats: "loss", "reconstruction", "kl", the same prefixed with "val_", and
            "learning_rate".
        examples: training examples per epoch.
        seconds: how long the epoch took.
    """

    run: RunSpec
    number: int
    epochs: int
    logs: dict[str, float]
    examples: int
    seconds: float


@dataclass(frozen=True)
class Epoch(EpochNumbers):
    """What an ``on_epoch`` hook receives.

    Attributes:
        model: the model after this epoch.
        scale: from stored values to model values.
        units: from a user's examples to model values.
        span: the model values of black and white if examples are images.
        shown: a few validation examples and their reconstructions, model values, shape (n, *shape); or None.
    """

    model: Autoencoder
    scale: Scale
    units: Units
    span: tuple[float, float]
    shown: tuple[NDArray[np.float32], NDArray[np.float32]] | None


OnEpoch = Callable[[Epoch], object]


@dataclass(frozen=True)
class Fitted:
    """A trained model.

    Attributes:
        model: with the weights of the last epoch, or of the best one with early stopping.
        history: each of `Epoch.logs` by name, shape (epochs,).
        frames: uint8 reconstructions of the first validation images over the epochs, shape (frames, n, *shape), from
            0 to 255 for the data's `span_of`; None for tables.
        seconds: training time, including compilation, summed over interrupted sessions.
        opponent: the objective's opponent after the last epoch, if it has one.
    """

    model: Autoencoder
    history: History
    frames: NDArray[np.uint8] | None
    seconds: float
    opponent: Opponent | None = None


@dataclass(frozen=True)
class _Progress:
    """Training after a number of whole epochs; replaced in one step, so that Ctrl-C never finds half an epoch."""

    state: State
    rows: tuple[dict[str, np.float32], ...] = ()
    frames: tuple[NDArray[np.uint8], ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True)
class _Prepared:
    """What the compiled program is called with, and how often."""

    recipe: Recipe
    objective: Objective
    state: State
    scale: Scale
    train: Examples
    validation: Examples
    shown: Examples | None
    span: tuple[float, float]
    key: Array
    epochs: int
    steps: int

    def arguments(self, state: State, done: int) -> tuple[Any, ...]:
        """The arguments of `run_epoch` after so many epochs."""
        keys = tuple(jr.split(jr.fold_in(jr.fold_in(self.key, 1), done)))
        fixed = (self.scale, self.train, self.validation, self.shown)
        return (self.recipe, self.objective, state, *fixed, keys, jr.fold_in(self.key, 2), jnp.int32(done))


def fit(
    spec: RunSpec,
    data: Data,
    *,
    parent: Parent | None = None,
    checkpoint: Path | None = None,
    on_epoch: OnEpoch | None = None,
) -> Fitted:
    """Train one model.

    Args:
        spec: what to train; equal specs and data give equal weights, bit for bit, on one machine.
        data: what to learn from; the test part is only checked against the likelihood's support.
        parent: the run whose weights it begins with, where the spec has a ``start``.
        checkpoint: a file for the training's state; if it exists, training continues from it.
        on_epoch: called after every epoch.

    Raises:
        SpecError, DataError: as `check`.
        StoreError: the checkpoint is of another spec or data, damaged, or cannot be written.
        TrainingError: the loss is no longer finite.
        Stopped: a signal has come, in a process that listens (`latente.stopping`); whole epochs are in the checkpoint.
    """
    prepared = _prepare(spec, data, parent)
    progress = _Progress(prepared.state)
    about = {"spec": as_dict(spec), "data": data.fingerprint}
    if checkpoint is not None and checkpoint.exists():
        progress = _restored(checkpoint, progress, about)
    epochs, steps = prepared.epochs, prepared.steps
    scale, shown, units, span = prepared.scale, prepared.shown, data.units, prepared.span
    program = compiled(run_epoch, prepared.state.model)
    stride = stride_of(epochs, math.prod(data.shape))
    due = -math.inf

    def save() -> None:
        if checkpoint is not None and progress.rows:
            _save(checkpoint, progress, about, span)

    # Also after Ctrl-C, so that whole epochs are not lost.
    with stopping.keeping(save):
        while (done := len(progress.rows)) < epochs and not _stopped(progress.state, spec.train.patience):
            stopping.check()
            began = time.monotonic()
            state, row, bad, frame = program(*prepared.arguments(progress.state, done))
            _check_finite(spec, int(bad), row, done + 1, steps)
            seconds = time.monotonic() - began
            keep = done % stride == 0 or done + 1 == epochs
            progress = _Progress(
                state,
                (*progress.rows, {k: np.float32(v) for k, v in row.items()}),
                (*progress.frames, _to_bytes(frame, span)) if keep and frame is not None else progress.frames,
                progress.seconds + seconds,
            )
            if checkpoint is not None and (writes := time.monotonic()) >= due:
                _save(checkpoint, progress, about, span)
                wrote = time.monotonic()
                due = wrote + max(CHECKPOINT_SECONDS, (wrote - writes) / CHECKPOINT_SHARE)
            if on_epoch is not None:
                pairs = None if shown is None else (np.asarray(scale(shown.x)), np.asarray(frame))
                logs = {k: float(v) for k, v in progress.rows[-1].items()}
                numbers = (spec, done + 1, epochs, logs, len(data.train), seconds)
                on_epoch(Epoch(*numbers, state.model, scale, units, span, pairs))
    last = progress.state
    return Fitted(
        last.model if last.best is None else last.best,
        {k: np.array([r[k] for r in progress.rows]) for k in progress.rows[0]},
        np.stack(progress.frames) if progress.frames else None,
        progress.seconds,
        last.opponent,
    )


@dataclass(frozen=True)
class Passed:
    """A training that goes on with whatever data comes next (see `one_pass`).

    Attributes:
        state: of the weights, the optimizer and the opponent.
        logs: the means of the last pass by name, as in `Epoch.logs`.
        done: passes so far.
        seconds: how long they took, all together.
    """

    state: State
    logs: dict[str, float]
    done: int
    seconds: float


def one_pass(
    spec: RunSpec,
    data: Data,
    before: Passed | None = None,
    *,
    trained: tuple[Autoencoder, Opponent | None] | None = None,
) -> Passed:
    """Train once through a data set's training part, from where an earlier pass over other data left off.

    Args:
        spec: as for `fit`, but for ``epochs`` and ``patience``, which do not apply; equal from pass to pass.
        data: the examples of this pass; the validation part is measured after it.
        before: the passes so far; None to begin with a new model, or with ``trained``.
        trained: a model and its opponent to begin with; its optimizers begin anew.

    Raises:
        SpecError, DataError, TrainingError: as `fit`; a schedule that depends on the total number of steps.
    """
    if spec.train.schedule != "constant":
        raise SpecError(
            f'schedule: got "{spec.train.schedule}"; allowed: "constant", for nobody knows how many steps will follow'
        )
    spec = dataclasses.replace(spec, train=dataclasses.replace(spec.train, epochs=1, patience=0))
    began = time.monotonic()
    prepared = _prepare(spec, data)
    state, done, seconds = (prepared.state, 0, 0.0) if before is None else (before.state, before.done, before.seconds)
    if before is None and trained is not None:
        state = start(*trained, prepared.recipe, keep_best=False)
    program = compiled(run_epoch, state.model)
    state, row, bad, _ = program(*prepared.arguments(state, done))
    _check_finite(spec, int(bad), row, done + 1, prepared.steps)
    logs = {k: float(v) for k, v in row.items()}
    return Passed(state, logs, done + 1, seconds + time.monotonic() - began)


def stride_of(epochs: int, values: int) -> int:
    """The number of epochs between kept frames, for examples of so many values."""
    return math.ceil(epochs / min(FRAMES, max(10, FRAMES_MEMORY // (SHOWN * values))))


def _prepare(spec: RunSpec, data: Data, parent: Parent | None = None) -> _Prepared:
    objective = check(spec, data)
    key = jr.key(spec.seed)
    scale = scale_of(data)
    train = examples_of(data, data.train, spec.model, spec.train.labelled, spec.seed)
    validation = examples_of(data, data.validation, spec.model)
    model = _initial_model(spec, data, scale, train)
    opponent = objective.opponent(model, key=jr.fold_in(key, 4))
    frozen: tuple[str, ...] = ()
    if spec.start is not None:
        assert parent is not None
        found = transferred(spec, model, opponent, data.card(), parent)
        say_transferred(found, parent, data.units)
        model, opponent, frozen = found.model, found.opponent, spec.start.freeze
    epochs, steps = spec.train.epochs_for(len(data.train)), spec.train.steps(len(data.train))
    recipe = dataclasses.replace(recipe_of(spec.train, steps, epochs), frozen=frozen)
    state = start(model, opponent, recipe, keep_best=spec.train.patience > 0)
    shown = validation.take(slice(SHOWN)) if data.is_image else None
    span = span_of(*data.value_range()) if data.is_image else (0.0, 1.0)
    return _Prepared(recipe, objective, state, scale, train, validation, shown, span, key, epochs, steps)


def recipe_of(spec: TrainSpec, steps: int, epochs: int) -> Recipe:
    """The settings to compile into the program, for a training of so many steps per epoch and so many epochs."""
    needs_total = spec.schedule == "warmup-cosine"
    ends = np.cumsum([0, *(n for n, _ in spec.stages)])
    return Recipe(
        spec.batch_size,
        spec.learning_rate,
        spec.schedule,
        round(spec.warmup * steps * epochs) if needs_total else 0,
        steps * epochs if needs_total else 0,
        tuple((int(e) * steps, rate) for e, (_, rate) in zip(ends, spec.stages, strict=False)),
        spec.beta1,
        spec.beta2,
        spec.epsilon,
        spec.second_moment,
        spec.clip_norm,
    )


def _initial_model(spec: RunSpec, data: Data, scale: Scale, train: Examples) -> Autoencoder:
    """The model at the start of training, including what its parts take from the training examples."""
    key = jr.fold_in(jr.key(spec.seed), 3)

    def mean() -> Array:
        total = np.nansum(data.train.x, axis=0, dtype=np.float64) / np.sum(~np.isnan(data.train.x), axis=0)
        if data.train.x.dtype == np.float64:
            return jnp.asarray(data.values(total))
        return scale(jnp.asarray(total, jnp.float32))

    def sample() -> Array:
        return scale(train.x[jr.permutation(key, len(train))[:STARTED]])

    def values() -> NDArray[np.float32]:
        return data.values(data.train.x)

    return start_model(spec.model, model_for(spec, data), values, mean, sample, key=jr.fold_in(key, 1))


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


def _to_bytes(frame: Array, span: tuple[float, float]) -> NDArray[np.uint8]:
    values: NDArray[np.float32] = np.asarray(frame)
    if span != (0.0, 1.0):
        values = (values - np.float32(span[0])) / np.float32(span[1] - span[0])
    return np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)


def frame_arrays(frames: NDArray[np.uint8], span: tuple[float, float]) -> dict[str, NDArray[Any]]:
    """Frames as they are saved: with the values of black and white, unless these are 0 and 1."""
    return {"frames": frames} | ({} if span == (0.0, 1.0) else {"frames_span": np.array(span, np.float64)})


def _save(path: Path, progress: _Progress, about: dict[str, Any], span: tuple[float, float]) -> None:
    arrays = store.flatten(progress.state, "state.")
    arrays |= {f"history.{k}": np.array([r[k] for r in progress.rows]) for k in progress.rows[0]}
    if progress.frames:
        arrays |= frame_arrays(np.stack(progress.frames), span)
    store.save_arrays(path, arrays, {**about, "seconds": progress.seconds})


def _restored(path: Path, template: _Progress, about: dict[str, Any]) -> _Progress:
    try:
        arrays, saved = store.load_arrays(path)
    except StoreError as error:
        raise StoreError(f"{error}; delete it to start the run again") from None
    changed = store.differences(about, {k: saved.get(k) for k in about})
    if changed:
        raise StoreError(
            f"{path}: is a checkpoint of another run ({'; '.join(changed[:3])}); "
            "resume with the arguments it was started with, or choose another --out"
        )
    state = store.unflatten(template.state, arrays, "state.", str(path))
    history = {k.removeprefix("history."): v for k, v in arrays.items() if k.startswith("history.")}
    if not history:
        raise StoreError(f"{path}: has no history; it is damaged, delete it to start the run again")
    try:
        rows = tuple(dict(zip(history, row, strict=True)) for row in zip(*history.values(), strict=True))
        frames = tuple(arrays["frames"]) if "frames" in arrays else ()
        return _Progress(state, rows, frames, float(saved.get("seconds", 0.0)))
    except (TypeError, ValueError) as error:
        raise StoreError(f"{path}: is damaged ({error}); delete it to start the run again") from None
