"""Perform a study's runs: train, evaluate and score each into its folder; here, or in processes beside each other."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from latente.analysis.trained_models import signature
from latente.atomic import clear_parts
from latente.data.split import PARTS, Data
from latente.errors import StoreError
from latente.evaluation.folders import is_finished, is_study, make_run_folder, read_study, refuse_links, run_folder
from latente.evaluation.manifest import settle
from latente.evaluation.run import Run, load, train_run
from latente.evaluation.run_files import SCORES
from latente.evaluation.scores import Score
from latente.evaluation.scores.nll import ImportanceBound
from latente.language.message import Message
from latente.spec import RunSpec, as_dict
from latente.studies.watch import Watch
from latente.training import store


def perform(
    spec: RunSpec, data: Data, study: Path, asked: Sequence[Score], watch: Watch, keep_codes: bool = False
) -> Run:
    """A run of a study, from its folder where it is finished, else gone on with and written, with codes if asked.

    Raises:
        StoreError: the folder holds a run of another spec, or cannot be written.
        TrainingError: the loss stopped being finite.
    """
    folder = run_folder(study, spec)
    checkpoint = folder / "checkpoint.safetensors"
    refuse_links(study, spec)
    if is_finished(folder):
        settle(folder, SCORES)
        run = load(folder, data=data)
        changed = store.differences(as_dict(spec), as_dict(run.spec))
        if changed:
            raise StoreError(f"{folder}: holds a run of another spec ({'; '.join(changed[:3])}); choose another --out")
        # A score whose file was lost or only half written is worked out again.
        if _scored(run, asked, study, watch) | (keep_codes and run.codes is None):
            _keep(run, keep_codes)
            run.write(folder)
    else:
        for place in (make_run_folder(study, spec), folder / SCORES):
            clear_parts(place)
        watch.on_stage(Message("progress.training"), spec)
        run = train_run(spec, data, checkpoint=checkpoint, on_epoch=watch.on_epoch)
        watch.on_stage(Message("progress.evaluating"), spec)
        for part in PARTS:
            run.evaluate(part)
        _scored(run, asked, study, watch)
        _keep(run, keep_codes)
        run.write(folder)
        watch.on_done(spec)
    with contextlib.suppress(OSError):
        checkpoint.unlink(missing_ok=True)
    return run


def _keep(run: Run, codes: bool) -> None:
    if codes:
        run.keep_codes()


def _scored(run: Run, asked: Sequence[Score], study: Path, watch: Watch) -> bool:
    """Work out the scores that a study asks for; whether one was not known."""
    anew = False
    for score in asked:
        # Which latent size is enough is chosen on validation.
        swept = isinstance(score, ImportanceBound) and _is_swept(run.spec, study)
        for part in ("test", "validation") if swept else ("test",):
            if score.key() in run.measured.get(part, {}) or score.scale(run) is None:
                continue
            watch.on_stage(Message("progress.scoring", score=score.key()), run.spec)
            anew |= run.score(score, part) is not None
    return anew


def _is_swept(spec: RunSpec, study: Path) -> bool:
    """Whether another model of the study differs in its latent size only."""
    runs = read_study(study)[0].runs if is_study(study) else ()
    own = signature(spec, "latent_dim")
    return any(signature(run, "latent_dim") == own and run.model.latent_dim != spec.model.latent_dim for run in runs)
