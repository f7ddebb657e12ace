"""trackio: what its own database has of a study."""

import json

import pytest

from latente.studies.trackers.base import end_numbers


@pytest.mark.slow
def test_the_database_has_epochs_once_settings_and_numbers(made, tmp_path, monkeypatch):
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "kept"))
    pytest.importorskip("trackio", reason="trackio is not installed")
    from trackio.sqlite_storage import SQLiteStorage

    tracker = {"name": "trackio", "project": "digits"}
    made.follow(tracker, epochs=2, finish=False)
    made.follow(tracker, epochs=3)
    made.follow(tracker)
    ids = json.loads((made.folder / "tracking" / "trackio.json").read_text())["ids"]
    assert sorted(SQLiteStorage.get_runs("digits")) == sorted(ids.values())
    for run in made.runs:
        rows = SQLiteStorage.get_logs("digits", ids[f"{run.spec.name}/seed-0"])
        points = [(row["step"], row["val_loss"]) for row in rows if "val_loss" in row]
        assert points == [(n, pytest.approx(float(v))) for n, v in enumerate(run.history["val_loss"], 1)]
        last = [row for row in rows if "test/loss" in row]
        assert len(last) == 1 and last[0]["step"] == 3
        assert {k: last[0][k] for k in end_numbers(run)} == pytest.approx(end_numbers(run))
        config = SQLiteStorage.get_run_config("digits", ids[f"{run.spec.name}/seed-0"])
        assert config["model.latent_dim"] == run.spec.model.latent_dim
    assert "figures/grid" in SQLiteStorage.get_logs("digits", ids[""])[0]
