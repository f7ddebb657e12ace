"""MLflow: a run for the study and one nested in it for each of its runs, by MLflow's client alone (`mlflow-skinny`)."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latente._version import __version__
from latente.evaluation.run import Run
from latente.spec import RunSpec
from latente.studies.trackers.base import Followed, Tracker, check_url, end_numbers, key, settings_of, trackers

if TYPE_CHECKING:
    from mlflow import MlflowClient

SETTINGS = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
"""Unless the environment says otherwise: how long a server is waited for, several minutes by MLflow itself, and nothing
printed between the lines of a command."""

AT_ONCE = 100
"""Settings in one request, of which servers take no more."""


@trackers.register("mlflow")
@dataclass
class MLflow(Tracker):
    """Runs of an MLflow server, nested under one for the study.

    Of each run its settings, its losses by epoch, its numbers at the end, and its folder, which `latente.load` reads;
    of the study its figures, report and results. A name and password of the server are taken from the environment
    (``MLFLOW_TRACKING_USERNAME`` and ``MLFLOW_TRACKING_PASSWORD``), as MLflow does.

    Attributes:
        uri: of the server; by default ``MLFLOW_TRACKING_URI``, or MLflow's own default.
        experiment: its name; by default ``MLFLOW_EXPERIMENT_NAME``, or the study's title.
    """

    needs = "mlflow"
    uri: str = ""
    experiment: str = ""
    _study: Followed | None = field(default=None, init=False)
    _client: Any = field(default=None, init=False)

    def __post_init__(self) -> None:
        check_url("track.uri", self.uri, "MLflow takes MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD")

    def begin(self, study: Followed) -> None:
        """The study's own run is made, or opened again."""
        from mlflow import MlflowClient

        for name, value in SETTINGS.items():
            os.environ.setdefault(name, value)
        self._study = study
        self._client = MlflowClient(tracking_uri=self.uri or None)
        if not self._is_open(""):
            study.ids.clear()
            experiment = self._experiment(study.spec.title)
            tags = {"mlflow.runName": study.spec.title, "latente.version": __version__}
            study.ids[""] = self._client.create_run(experiment, tags=tags).info.run_id
            self._params("", study.settings())

    def begin_run(self, run: RunSpec) -> int:
        """Its own run is made, or opened again; the server says how many epochs it has."""
        client, study = self._given()
        name = key(run)
        if not self._is_open(name):
            experiment = client.get_run(study.ids[""]).info.experiment_id
            tags = {"mlflow.runName": name, "mlflow.parentRunId": study.ids[""], "latente.version": __version__}
            study.ids[name] = client.create_run(experiment, tags=tags).info.run_id
            self._params(name, settings_of(run))
            return 0
        return max((one.step for one in client.get_metric_history(study.ids[name], "loss")), default=0)

    def log_epoch(self, run: RunSpec, number: int, logs: Mapping[str, float]) -> None:
        """One request with all of its numbers."""
        self._metrics(key(run), logs, number)

    def end_run(self, run: Run, folder: Path) -> None:
        """Its numbers and its folder."""
        client, study = self._given()
        name = key(run.spec)
        self._metrics(name, {_name(k): v for k, v in end_numbers(run).items()}, len(run.history["loss"]))
        client.log_artifacts(study.ids[name], str(folder), "run")
        client.set_terminated(study.ids[name], "FINISHED")

    def end(self) -> None:
        """Figures, report and results."""
        client, study = self._given()
        for path in study.artifacts():
            client.log_artifact(study.ids[""], str(path))
        for path in study.figures():
            client.log_artifact(study.ids[""], str(path), "figures")
        client.set_terminated(study.ids[""], "FINISHED")

    def stop(self) -> None:
        """What is open is said to be killed; where the study is gone on with, it runs again."""
        client, study = self._given()
        for one in study.ids.values():
            if client.get_run(one).info.status == "RUNNING":
                client.set_terminated(one, "KILLED")

    def _given(self) -> tuple[MlflowClient, Followed]:
        assert self._study is not None
        return self._client, self._study

    def _is_open(self, name: str) -> bool:
        """Whether the run that has this name is known and still there; then it runs again."""
        from mlflow.exceptions import MlflowException

        client, study = self._given()
        if name not in study.ids:
            return False
        try:
            found = client.get_run(study.ids[name])
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return False
        if found.info.lifecycle_stage != "active":
            return False
        client.update_run(study.ids[name], status="RUNNING")
        return True

    def _experiment(self, title: str) -> str:
        client = self._given()[0]
        name = self.experiment or os.environ.get("MLFLOW_EXPERIMENT_NAME") or title
        found = client.get_experiment_by_name(name)
        made: str = client.create_experiment(name) if found is None else found.experiment_id
        return made

    def _params(self, name: str, settings: Mapping[str, Any]) -> None:
        from mlflow.entities import Param

        client, study = self._given()
        params = [Param(_name(k), str(v)[:6000]) for k, v in settings.items()]
        for some in _in_parts(params):
            client.log_batch(study.ids[name], params=some)

    def _metrics(self, name: str, values: Mapping[str, float], step: int) -> None:
        from mlflow.entities import Metric

        client, study = self._given()
        now = round(time.time() * 1000)
        for some in _in_parts([Metric(k, float(v), now, step) for k, v in values.items()]):
            client.log_batch(study.ids[name], metrics=some)


def _in_parts(values: list[Any]) -> Iterable[list[Any]]:
    return (values[at : at + AT_ONCE] for at in range(0, len(values), AT_ONCE))


def _name(name: str) -> str:
    """A name that MLflow takes: letters, digits and ``_-. :/``; anything else is an underscore."""
    return "".join(c if c.isalnum() or c in "_-. :/" else "_" for c in name)
