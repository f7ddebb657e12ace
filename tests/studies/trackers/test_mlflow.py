"""MLflow's own store and server have what a study said."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import numpy as np
import pytest

import latente
from latente.errors import LatenteWarning
from latente.evaluation.run_files import FILES
from latente.studies.trackers.base import end_numbers

mlflow = pytest.importorskip("mlflow", reason="mlflow is not installed")
pytest.importorskip("alembic", reason="alembic, which makes MLflow's database, is not installed")


def check(client, made, experiment, tmp_path):
    """The study's run, the runs nested in it, their numbers and files."""
    found = client.search_runs([client.get_experiment_by_name(experiment).experiment_id])
    runs = {r.data.tags["mlflow.runName"]: r for r in found}
    assert sorted(runs) == ["a study", "ae/seed-0", "vae/seed-0"] and len(found) == 3
    study = runs.pop("a study")
    assert study.data.params["data.fingerprint"] == made.data.fingerprint and study.info.status == "FINISHED"
    assert {a.path for a in client.list_artifacts(study.info.run_id)} == {
        "figures", "report.html", "results.csv", "study.json",
    }  # fmt: skip
    assert [a.path for a in client.list_artifacts(study.info.run_id, "figures")] == [
        "figures/curves.svg", "figures/grid.png",
    ]  # fmt: skip
    for run in made.runs:
        one = runs[f"{run.spec.name}/seed-0"]
        assert one.data.tags["mlflow.parentRunId"] == study.info.run_id and one.info.status == "FINISHED"
        assert one.data.params["model.latent_dim"] == str(run.spec.model.latent_dim)
        for name, values in run.history.items():
            points = [(m.step, m.value) for m in client.get_metric_history(one.info.run_id, name)]
            assert sorted(points) == list(enumerate(map(float, values), 1)), name
        for name, value in end_numbers(run).items():
            assert one.data.metrics[name] == pytest.approx(value), name
    # What was sent is a run that latente reads.
    place = client.download_artifacts(runs["vae/seed-0"].info.run_id, "run", str(tmp_path))
    assert {p.name for p in os.scandir(place)} >= set(FILES) - {
        "prior.json",
        "per_example.safetensors",
        "codes.safetensors",
    }
    x = made.data.validation.x[:4]
    assert np.array_equal(latente.load(place).encode(x), made.runs[0].encode(x))


@pytest.mark.slow
def test_a_database_has_nested_runs_by_epoch_and_what_is_gone_on_with_is_not_doubled(made, tmp_path):
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    tracker = {"name": "mlflow", "uri": uri, "experiment": "ours"}
    client = mlflow.MlflowClient(tracking_uri=uri)
    client.create_experiment("ours", artifact_location=(tmp_path / "artifacts").as_uri())
    made.follow(tracker, epochs=2, finish=False)
    ids = json.loads((made.folder / "tracking" / "mlflow.json").read_text())["ids"]
    assert client.get_run(ids["vae/seed-0"]).info.status == "KILLED"
    made.follow(tracker, epochs=3)
    check(client, made, "ours", tmp_path)
    # One that was deleted there is begun anew, with all that it had.
    client.delete_run(ids[""])
    made.follow(tracker)
    new = json.loads((made.folder / "tracking" / "mlflow.json").read_text())["ids"]
    assert new[""] != ids[""]


@pytest.fixture
def server(tmp_path):
    """A tracking server on the loopback: its address, and how to end and begin it."""
    pytest.importorskip("flask_cors", reason="MLflow's server needs Flask: pip install mlflow")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    command = [
        sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
        "--backend-store-uri", f"sqlite:///{tmp_path}/server.db", "--artifacts-destination", str(tmp_path / "kept"),
    ]  # fmt: skip
    processes = []

    def begin():
        log = (tmp_path / "server.log").open("w")
        processes.append(subprocess.Popen(command, stdout=log, stderr=log, cwd=tmp_path, start_new_session=True))
        for _ in range(600):
            time.sleep(0.2)
            try:
                urllib.request.urlopen(f"{address}/health", timeout=1)
            except OSError:
                if processes[-1].poll() is not None:
                    pytest.skip(f"MLflow's server does not run here: {(tmp_path / 'server.log').read_text()[-300:]}")
            else:
                return

    def end():
        for process in processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
                process.wait()
        processes.clear()

    yield address, begin
    end()


@pytest.mark.slow
def test_a_server_has_all_of_it_also_what_it_missed_while_it_was_down(made, server, tmp_path, monkeypatch):
    address, begin = server
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.warns(LatenteWarning, match="^tracker mlflow: .*; training goes on") as said:
        made.follow({"name": "mlflow", "uri": address}, epochs=3)
    assert len(said) == 1
    begin()
    made.follow({"name": "mlflow", "uri": address})
    check(mlflow.MlflowClient(tracking_uri=address), made, "a study", tmp_path)
