"""Perform a study's runs: train, evaluate and score each into its folder; here, or in processes beside each other."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from latente.atomic import read_json
from latente.data.split import PARTS, Data
from latente.errors import StoreError
from latente.evaluation.roles import signature_of
from latente.evaluation.run import Run, load, train_run
from latente.evaluation.scores import Score
from latente.evaluation.scores.nll import Likelihood
from latente.spec import RunSpec, as_dict, run_from_dict
from latente.training import store
from latente.training.fit import EpochNumbers


def _nothing(*args: object) -> None:
    pass


@dataclass(frozen=True)
class Watch:
    """What to call while a study goes on; by default nothing.

    Attributes:
        on_epoch: given the numbers of every epoch; an `Epoch` with its model where the run is trained in this process.
        on_stage: given what begins now, in words, and the run it is done for (None: the study).
        on_done: given a run that is finished.
    """

    on_epoch: Callable[[EpochNumbers], object] = _nothing
    on_stage: Callable[[str, RunSpec | None], object] = _nothing
    on_done: Callable[[RunSpec], object] = _nothing


def run_folder(study: Path, run: RunSpec) -> Path:
    """Where a study keeps a run."""
    return study / "runs" / run.name / f"seed-{run.seed}"


def is_finished(folder: Path) -> bool:
    """Whether a run's folder holds all of it: its metrics are written last."""
    return (folder / "metrics.json").is_file()


def perform(spec: RunSpec, data: Data, study: Path, asked: Sequence[Score], watch: Watch) -> Run:
    """A run of a study, from its folder where it is finished, else gone on with and written.

    Raises:
        StoreError: the folder holds a run of another spec, or cannot be written.
        TrainingError: the loss stopped being finite.
    """
    folder = run_folder(study, spec)
    checkpoint = folder / "checkpoint.safetensors"
    if is_finished(folder):
        run = load(folder, data=data)
        changed = store.differences(as_dict(spec), as_dict(run.spec))
        if changed:
            raise StoreError(f"{folder}: holds a run of another spec ({'; '.join(changed[:3])}); choose another --out")
    else:
        watch.on_stage("training", spec)
        run = train_run(spec, data, checkpoint=checkpoint, on_epoch=watch.on_epoch)
        watch.on_stage("evaluating", spec)
        for part in PARTS:
            run.evaluate(part)
        for score in asked:
            watch.on_stage(f"scoring: {score.key()}", spec)
            run.score(score)
            if isinstance(score, Likelihood) and _is_swept(spec, study):
                # Which latent size is enough is chosen on validation.
                run.score(score, "validation")
        run.write(folder)
        watch.on_done(spec)
    with contextlib.suppress(OSError):
        checkpoint.unlink(missing_ok=True)
    return run


def _is_swept(spec: RunSpec, study: Path) -> bool:
    """Whether another model of the study differs in its latent size only."""
    known = study / "study.json"
    runs = [run_from_dict(run) for run in read_json(known)["runs"]] if known.exists() else []
    own = signature_of(spec, "latent_dim")
    return any(signature_of(run, "latent_dim") == own and run.model.latent_dim != spec.model.latent_dim for run in runs)
