"""Weights & Biases: what lies in the offline files, read back by wandb's own messages."""

import json

import pytest

from latente.studies.trackers.base import end_numbers
from latente.studies.trackers.wandb import history, records

pytest.importorskip("wandb", reason="wandb is not installed")


def of_kind(folder, name, kind):
    return [getattr(record, kind) for record in records(folder, name) if record.WhichOneof("record_type") == kind]


@pytest.mark.slow
def test_offline_files_have_epochs_once_settings_and_numbers(made, monkeypatch):
    monkeypatch.setenv("WANDB_PROJECT", "digits")
    made.follow("wandb", epochs=2, finish=False)
    made.follow("wandb", epochs=3)
    ids = json.loads((made.folder / "tracking" / "wandb.json").read_text())["ids"]
    for run in made.runs:
        name = ids[f"{run.spec.name}/seed-0"]
        points = [(step, json.loads(items["val_loss"])) for step, items in history(made.folder, name)]
        assert points == [(n, pytest.approx(float(v))) for n, v in enumerate(run.history["val_loss"], 1)]
        about = of_kind(made.folder, name, "run")[0]
        assert (about.project, about.run_group, about.display_name) == ("digits", "a study", f"{run.spec.name}/seed-0")
        config = {"/".join(u.nested_key) or u.key: u.value_json for u in about.config.update}
        assert json.loads(config["model.latent_dim"]) == run.spec.model.latent_dim
        summary = {}
        for part in of_kind(made.folder, name, "summary"):
            summary |= {"/".join(u.nested_key) or u.key: u.value_json for u in part.update}
        for number, value in end_numbers(run).items():
            assert json.loads(summary[number]) == pytest.approx(value)
    media = [p.name for p in made.folder.glob(f"wandb/offline-run-*-{ids['']}/files/media/**/*") if p.is_file()]
    assert len([m for m in media if m.endswith(".png")]) == 1 and len([m for m in media if m.endswith(".html")]) == 1
