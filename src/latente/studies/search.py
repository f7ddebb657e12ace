"""A search for better settings by Optuna, in one process or in several: trials in a database, the best as another run.

Trials are trained with a seed that is none of the study's, on data whose test part is empty; the best one's settings
are then trained like any other run of the study, with all its seeds. A trial that was killed is begun again.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import json
import math
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latente import stopping
from latente.atomic import as_json
from latente.data.split import Data
from latente.errors import DataError, SpecError, StoreError, TrainingError
from latente.evaluation import manifest
from latente.evaluation.run import train_run
from latente.evaluation.scores import scores
from latente.evaluation.scores.losses import KEPT
from latente.language.message import Message
from latente.report.search import SEARCH
from latente.spec import RunSpec, StudySpec, as_dict
from latente.studies.search_space import (
    TUNED,
    Choices,
    Space,
    base_of,
    elbo_of,
    first_number,
    label,
    settings_of,
    space_of,
    varied,
    without_test,
)
from latente.studies.trackers.base import check_url
from latente.studies.watch import Watch
from latente.training.fit import Epoch

if TYPE_CHECKING:
    import optuna


DATABASE = "search.db"
"""In a study's folder, unless another database is named."""

BEAT, GRACE = 60, 150
"""Seconds between two signs of life of a trial, and after how many without one it is begun again by others."""

WARMUP = 0.1
"""Share of its epochs that a trial may go on at least."""


def check_installed(url: str) -> None:
    """That Optuna is there, and for PostgreSQL its driver.

    Raises:
        SpecError: one is not, or the URL holds a password.
    """
    if importlib.util.find_spec("optuna") is None:
        raise SpecError("search: optuna is not installed; pip install 'latente[search]'")
    check_url("search.storage", url, "PostgreSQL takes PGPASSWORD, or a ~/.pgpass file")
    if url.startswith("postgresql") and importlib.util.find_spec("psycopg") is None:
        raise SpecError("search.storage: psycopg is not installed; pip install 'latente[postgresql]'")


@contextlib.contextmanager
def _database(url: str) -> Iterator[None]:
    """Errors of a database, in one line."""
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (StorageInternalError, SQLAlchemyError) as error:
        cause = error.__cause__ if isinstance(error, StorageInternalError) and error.__cause__ else error
        text = " ".join(str(getattr(cause, "orig", None) or cause).split())[:200]
        raise StoreError(f"search: the database {url} cannot be used ({text}); --resume goes on when it can") from None


class Search:
    """The trials of a study's search, in their database.

    Args:
        spec: the study, with a search.
        data: the whole data; trials see it without its test part.
        folder: the study's.

    Raises:
        StoreError: the database refuses. SpecError: as `base_of` and `space_of`.
    """

    def __init__(self, spec: StudySpec, data: Data, folder: Path) -> None:
        import optuna

        assert spec.search is not None
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.spec, self.search, self.base = spec, spec.search, base_of(spec)
        self.space: Space = space_of(spec.search)
        self.score = scores.make(spec.search.by)
        self.column, self.lower = first_number(self.score)
        self.data = without_test(data)
        self.seed = next(seed for seed in range(100, 2**32) if seed not in spec.seeds)
        url = spec.search.storage or f"sqlite:///{(folder / DATABASE).absolute()}"
        self.url = spec.search.storage or str(folder / DATABASE)
        # The dialect's own default driver is another in other versions of SQLAlchemy.
        driver = url.replace("postgresql://", "postgresql+psycopg://", 1)
        engine = {"connect_args": {"timeout": 100}} if url.startswith("sqlite:") else {"pool_pre_ping": True}
        with _database(self.url), warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            storage = optuna.storages.RDBStorage(
                driver,
                engine_kwargs=engine,
                heartbeat_interval=BEAT,
                grace_period=GRACE,
                heartbeat_stale_trial_callback=optuna.storages.RetryHeartbeatStaleTrialCallback(),
            )
            self.study = optuna.create_study(
                study_name=self._name(data),
                storage=storage,
                direction="minimize" if self.lower else "maximize",
                pruner=self._pruner(),
                load_if_exists=True,
            )

    def _name(self, data: Data) -> str:
        """Of all that the trials depend on: who has the same study file and data takes part in the same search."""
        search = {k: v for k, v in as_dict(self.search).items() if k not in ("trials", "storage")}
        about = {"search": search, "run": as_dict(self.base), "data": data.fingerprint, "seed": self.seed}
        about["run"].pop("data")
        return f"latente {self.spec.title} {sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:16]}"

    def _pruner(self) -> optuna.pruners.BasePruner:
        import optuna

        epochs = self.base.train.epochs_for(len(self.data.train))
        if self.search.pruner == "median":
            return optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=math.ceil(WARMUP * epochs))
        if self.search.pruner == "hyperband":
            return optuna.pruners.HyperbandPruner(min_resource=max(1, math.ceil(WARMUP * epochs)), max_resource=epochs)
        return optuna.pruners.NopPruner()

    def begin(self, *, alone: bool) -> None:
        """Ask for the settings that the run has already first; begin again what was killed.

        Args:
            alone: nobody else has this database, so that a trial that is not finished has nobody who trains it.
        """
        from optuna.trial import TrialState

        with _database(self.url):
            trials = self.study.get_trials(deepcopy=False)
            if not trials:
                usual = settings_of(self.base, list(self.space))
                if all(self.space[name].holds(value) for name, value in usual.items()):
                    self.study.enqueue_trial({name: label(value) for name, value in usual.items()}, {"default": True})
            for trial in trials if alone else ():
                if trial.state is TrialState.RUNNING:
                    self.study.tell(trial.number, state=TrialState.FAIL)
                    self.study.enqueue_trial(trial.params, {**trial.user_attrs, "again": trial.number})

    def remaining(self, own: int = 0) -> int:
        """How many trials are left to begin, where this process has ``own`` going on."""
        done, going = self._counts()
        return self.search.trials - done - max(going, own)

    def begun(self) -> int:
        """How many trials are done or go on."""
        return sum(self._counts())

    def _counts(self) -> tuple[int, int]:
        """How many trials are done, those that failed by their own settings among them, and how many go on."""
        from optuna.trial import TrialState

        with _database(self.url):
            trials = self.study.get_trials(deepcopy=False)
        ended = (TrialState.COMPLETE, TrialState.PRUNED)
        done = sum(t.state in ended or (t.state is TrialState.FAIL and "error" in t.user_attrs) for t in trials)
        return done, sum(t.state is TrialState.RUNNING for t in trials)

    def trial_spec(self, number: int) -> RunSpec:
        """What the ``number``-th trial is called while it goes on."""
        return dataclasses.replace(self.base, name=f"trial-{number}", seed=self.seed, data=self.spec.data)

    def one(self, number: int, watch: Watch) -> None:
        """Train one trial; its settings are drawn with a seed of its number, unless the database is for others, too.

        Raises:
            StoreError: the database refuses.
        """
        import optuna

        # Of a database for several machines, each draws its own: they do not know each other's numbers.
        seed = None if self.search.storage else (self.search.seed * 1_000_003 + number) % 2**32
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            self.study.sampler = (
                optuna.samplers.RandomSampler(seed)
                if self.search.sampler == "random"
                else optuna.samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True)
            )

        def objective(trial: optuna.Trial) -> float:
            try:
                return self._train(trial, self.trial_spec(number), watch)
            except (SpecError, DataError, TrainingError, MemoryError) as error:
                trial.set_user_attr("error", str(error) or "out of memory")
                raise

        with _database(self.url):
            caught = (SpecError, DataError, TrainingError, MemoryError)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self.study.optimize(objective, n_trials=1, catch=caught)

    def _train(self, trial: optuna.Trial, named: RunSpec, watch: Watch) -> float:
        import optuna

        run = varied(named, {name: self._suggest(trial, name) for name in self.space})
        watch.on_stage(Message("progress.training"), run)
        # Less is better of an ELBO that is said as a loss; Optuna compares as it compares what is found.
        sign = 1.0 if self.lower else -1.0

        def on_epoch(epoch: Epoch) -> None:
            watch.on_epoch(epoch)
            trial.report(sign * elbo_of(run, epoch.logs), epoch.number)
            if trial.should_prune():
                raise optuna.TrialPruned

        trained = train_run(run, self.data, on_epoch=on_epoch)
        watch.on_stage(Message("progress.scoring", score=self.score.key()), run)
        found = trained.score(self.score, "validation")
        if found is None:
            raise SpecError(f"search.by: {self.score.key()} means nothing for this trial")
        metric = trained.metrics["validation"][self.column]
        if not math.isfinite(metric.value):
            raise TrainingError(f"{self.score.key()} is no finite number")
        trial.set_user_attr("standard_error", metric.standard_error)
        return float(metric.value)

    def _suggest(self, trial: optuna.Trial, name: str) -> Any:
        asked = self.space[name]
        if isinstance(asked, Choices):
            known = {label(value): value for value in asked.values}
            return known[trial.suggest_categorical(name, list(known))]
        if asked.whole:
            step = 1 if asked.step is None else int(asked.step)
            return trial.suggest_int(name, int(asked.low), int(asked.high), step=step, log=asked.log)
        return trial.suggest_float(name, asked.low, asked.high, step=asked.step, log=asked.log)

    def wait_for_others(self) -> None:
        """Until no trial goes on in another process, or those that do give no sign of life any more."""
        import optuna

        while self._counts()[1]:
            with _database(self.url), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                optuna.storages.fail_stale_trials(self.study)
            for _ in range(10):
                stopping.check()
                time.sleep(0.1)

    def found(self) -> dict[str, Any]:
        """What was found, as search.json has it.

        Raises:
            TrainingError: no trial came to its end.
        """
        from optuna.trial import TrialState

        with _database(self.url):
            trials = self.study.get_trials(deepcopy=False)
        whole = [t for t in trials if t.state is TrialState.COMPLETE]
        if not whole:
            failed = [str(t.user_attrs["error"]) for t in trials if "error" in t.user_attrs]
            why = f" (the first one: {failed[0]})" if failed else ""
            raise TrainingError(f"search: none of {len(trials)} trials came to its end{why}; vary less, or elsewhere")
        best = (min if self.lower else max)(whole, key=lambda t: (t.value, t.number if self.lower else -t.number))
        states = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned"}
        usual = settings_of(self.base, list(self.space))
        # What was killed has been begun again, and is no trial of its own.
        shown = [t for t in trials if t.state in states or "error" in t.user_attrs]
        return {
            "run": self.base.name,
            "by": self.score.key(),
            "column": self.column,
            "lower": self.lower,
            "seed": self.seed,
            "pruner": self.search.pruner,
            "best": best.number,
            "default": {name: label(v) for name, v in usual.items() if v is not None},
            "vary": {
                name: {"choices": [label(v) for v in one.values]}
                if isinstance(one, Choices)
                else {"low": one.low, "high": one.high, "log": one.log}
                for name, one in self.space.items()
            },
            "importance": self._importance(len(whole)),
            "trials": [
                {
                    "number": t.number,
                    "state": states.get(t.state, "failed"),
                    "value": t.value if t.state is TrialState.COMPLETE else None,
                    "standard_error": t.user_attrs.get("standard_error"),
                    "epochs": max(t.intermediate_values, default=0),
                    "default": bool(t.user_attrs.get("default")),
                    "error": t.user_attrs.get("error"),
                    "values": t.params,
                }
                for t in shown
            ],
        }

    def _importance(self, whole: int) -> dict[str, float] | None:
        """The share of the variance of the trials' numbers that each setting explains (fANOVA, Hutter et al. 2014)."""
        import optuna

        if whole < 4 or len(self.space) < 2:
            return None
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
        try:
            with _database(self.url), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = optuna.importance.get_param_importances(self.study, evaluator=evaluator)
        except (ValueError, RuntimeError):
            # All trials have the same number, or no setting is in all of them.
            return None
        return {name: float(share) for name, share in found.items()}

    def winner(self, found: Mapping[str, Any]) -> RunSpec | None:
        """The best trial's settings as a run of the study; None where they are those that the run has already."""
        best = next(t for t in found["trials"] if t["number"] == found["best"])
        values = {}
        for name, value in best["values"].items():
            one = self.space[name]
            values[name] = next(v for v in one.values if label(v) == value) if isinstance(one, Choices) else value
        run = varied(self.base, values)
        return None if run == self.base else dataclasses.replace(run, name=self.base.name + TUNED)


def searched(
    spec: StudySpec, data: Data, folder: Path, watch: Watch, perform: Callable[[Search], object] | None = None
) -> StudySpec:
    """Perform a study's search, write search.json, and give the study with what was found as another run.

    Args:
        spec, data, folder: the study, its whole data and its folder.
        watch: what to call while trials go on, named "trial-0", ….
        perform: performs the trials that are left in other processes; by default they are trained here.

    Raises:
        StoreError: the database or the folder refuses. TrainingError: no trial came to its end.
    """
    assert spec.search is not None
    search = Search(spec, data, folder)
    search.begin(alone=not spec.search.storage)
    if perform is None:
        while search.remaining() > 0:
            number = search.begun()
            search.one(number, watch)
            watch.on_done(search.trial_spec(number))
    else:
        perform(search)
    search.wait_for_others()
    found = search.found()
    manifest.write(folder, {SEARCH: as_json(found).encode()})
    run = search.winner(found)
    return spec if run is None else dataclasses.replace(spec, runs=(*spec.runs, run))


def scored(spec: StudySpec) -> StudySpec:
    """A study whose finished models are ranked by what its search is for, too."""
    if spec.search is None:
        return spec
    by, known = scores.make(spec.search.by), [scores.make(score) for score in spec.scores]
    return spec if by in (*known, *KEPT) else dataclasses.replace(spec, scores=(*spec.scores, spec.search.by))


def as_asked(spec: StudySpec) -> StudySpec:
    """A study as its file says it, without what its search found."""
    if spec.search is None:
        return spec
    found = (spec.search.run or spec.runs[0].name) + TUNED
    return dataclasses.replace(spec, runs=tuple(run for run in spec.runs if run.name != found))
