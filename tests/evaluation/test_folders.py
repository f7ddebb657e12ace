"""Which folder is what: a study's, a model's of several seeds, a run's that is finished or not."""

import json
import shutil
from pathlib import Path

import pytest

from latente.errors import StoreError
from latente.evaluation import folders
from latente.spec import RunSpec

OLD = Path(__file__).parents[1] / "old_study"


@pytest.fixture
def study(tmp_path):
    return shutil.copytree(OLD, tmp_path / "study")


def test_a_studys_runs_are_found_in_its_order(study):
    found = folders.finished_runs(study)
    names = ["vae-2", "vae-3", "ae-2", "ae-3"]
    assert [str(p.relative_to(study)) for p in found] == [f"runs/{n}/seed-{s}" for n in names for s in (0, 1)]
    spec, command = folders.read_study(study)
    assert spec.title == "A study of before" and command == "latente run study.toml --out study --quiet --lang en"
    assert folders.run_folder(study, RunSpec("ae-2", 1)) == study / "runs" / "ae-2" / "seed-1"


def test_a_model_is_its_seeds_and_one_seed_is_its_run(study):
    model = study / "runs" / "vae-2"
    assert (
        [p.name for p in folders.run_folders(model)]
        == ["seed-0", "seed-1"]
        == [p.name for p in folders.finished_runs(model)]
    )
    with pytest.raises(StoreError, match="holds 2 runs; name one"):
        folders.one_run_folder(model)
    shutil.rmtree(model / "seed-1")
    assert folders.one_run_folder(model) == model / "seed-0" == folders.one_run_folder(model / "seed-0")


def test_what_is_not_finished_or_no_folder_of_ours_is_named(study, tmp_path):
    run = study / "runs" / "ae-3" / "seed-0"
    assert folders.is_finished(run) and folders.is_study(study) and not folders.is_study(run)
    card = json.loads((run / "data.json").read_text())
    assert folders.trained_on(run) == (card["fingerprint"], "pictures") and folders.trained_on(tmp_path) is None
    (run / "metrics.json").unlink()
    with pytest.raises(StoreError, match=r"1 of 8 runs are not finished \(ae-3/seed-0\)"):
        folders.finished_runs(study)
    with pytest.raises(StoreError, match="the run is not finished; go on with its study"):
        folders.finished_runs(run)
    with pytest.raises(StoreError, match="is neither a run's folder"):
        folders.finished_runs(tmp_path)
    with pytest.raises(StoreError, match="no such folder"):
        folders.finished_runs(tmp_path / "none")
    with pytest.raises(StoreError, match="is a study's folder"):
        folders.one_run_folder(study)


def test_nothing_is_written_through_a_link(study, tmp_path):
    spec = RunSpec("new", 3)
    assert folders.make_run_folder(study, spec) == study / "runs" / "new" / "seed-3"
    (study / "runs" / "other").symlink_to(tmp_path)
    with pytest.raises(StoreError, match="is a link, and nothing is written outside"):
        folders.make_run_folder(study, RunSpec("other", 0))
