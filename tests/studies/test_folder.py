"""A study's folder read again: its spec, its runs in their order, the command, and data that has moved."""

import dataclasses
import json
import re

import numpy as np
import pytest
from made import blobs
from maderuns import made_run

import latente
from latente.data.source import make_source
from latente.data.split import split_source
from latente.errors import DataError, StoreError
from latente.evaluation.folders import run_folder
from latente.spec import StudySpec, as_dict
from latente.studies.folder import Study, load_study

SMALL = {"hidden": (4,)}


@pytest.fixture
def saved(tiny, tmp_path):
    """A study of two models with the seeds 0 and 2, as it is written; the runs' losses are 100, 110, 120, 130."""
    models = {"vae": latente.VAE(2, **SMALL), "ae": latente.AE(3, **SMALL)}
    runs = [
        made_run(tiny, name, seed, model, loss=np.full(60, 100.0 + 20 * i + 5 * seed))
        for i, (name, model) in enumerate(models.items())
        for seed in (0, 2)
    ]
    spec = StudySpec("Two", tiny.spec, (0, 2), tuple(dataclasses.replace(r.spec, seed=0) for r in runs[::2]))
    for run in runs:
        run.save(run_folder(tmp_path, run.spec))
    (tmp_path / "study.json").write_text(json.dumps(as_dict(spec) | {"command": "latente run two.toml"}))
    return Study(spec, runs, tmp_path)


def test_a_study_is_read_as_it_was_written(saved, tiny):
    spec, runs, command = load_study(saved.folder, data=tiny)
    assert spec == saved.spec and command == "latente run two.toml"
    assert [(r.spec.name, r.spec.seed) for r in runs] == [("vae", 0), ("vae", 2), ("ae", 0), ("ae", 2)]
    assert [r.metrics["test"]["loss"].value for r in runs] == [100.0, 110.0, 120.0, 130.0]
    assert all(r.data is tiny for r in runs)
    # A study that was made in Python names no command.
    (saved.folder / "study.json").write_text(json.dumps(as_dict(spec)))
    assert load_study(str(saved.folder))[2] is None


def test_other_data_and_unfinished_runs_are_refused(saved, tiny):
    other = split_source(make_source("tiny", *blobs(seed=5)))
    with pytest.raises(DataError, match="is not the data the run was trained on"):
        load_study(saved.folder, data=other)
    (saved.folder / "runs" / "ae" / "seed-2" / "metrics.json").unlink()
    said = f"{saved.folder}: 1 of 4 runs are not finished (ae/seed-2); finish it with the same"
    with pytest.raises(StoreError, match=re.escape(said)):
        load_study(saved.folder)
    with pytest.raises(StoreError, match="is not a study folder"):
        load_study(saved.folder / "runs")


def test_a_study_says_what_it_is(saved):
    assert repr(saved).splitlines() == [
        "study Two",
        f"  data    {saved.spec.data.source}",
        "  runs    4: vae, ae",
        "  seeds   0, 2",
        f"  folder  {saved.folder}",
        "  report  not written",
    ]
    page = dataclasses.replace(saved, report=saved.folder / "report.html")._repr_html_()
    assert "study Two" in page and f"{saved.folder / 'report.html'}</td>" in page
