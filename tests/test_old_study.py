"""Folders that older versions of latente wrote: today's code reads them, and finds what they found.

``old_study/`` is a small study of 0.1.0 from before folders had a manifest, without its page and figures: VAEs and
autoencoders of two sizes, two seeds each. ``old_run/`` is a run of the last days of 0.1.0, with a manifest: a VAE of a
table with a likelihood of mixed columns and a prior fitted to its codes; ``found.json`` has what that version found.
"""

import csv
import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

import latente
from latente.cli.main import main
from latente.errors import StoreError
from latente.evaluation.manifest import changed

OLD = Path(__file__).parent / "old_study"
NAMES = [(run, seed) for seed in (0, 1) for run in ("vae-2", "vae-3", "ae-2", "ae-3")]


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    return shutil.copytree(OLD, tmp_path_factory.mktemp("old") / "study")


@pytest.fixture
def old(copied, monkeypatch):
    """A copy to work in; its runs give their data as a path from there."""
    monkeypatch.chdir(copied)
    return copied


def folder(run, seed):
    return Path("runs") / run / f"seed-{seed}"


def test_runs_are_what_they_were(old):
    for name, seed in NAMES:
        run = latente.load(folder(name, seed))
        assert (run.spec.name, run.spec.seed) == (name, seed)
        kept = json.loads((folder(name, seed) / "metrics.json").read_text())
        read = {part: {k: dataclasses.asdict(m) for k, m in found.items()} for part, found in run.metrics.items()}
        assert read == kept
        assert [access.by for access in run.test_accesses] == ["latente run study.toml --out study --quiet --lang en"]
        scored = {p.name.split(".")[1] for p in (folder(name, seed) / "scores").glob("test.*")}
        assert set(run.measured["test"]) == scored


def test_what_is_evaluated_anew_is_what_was_found(old):
    for name in ("vae-2", "ae-3"):
        run = latente.load(folder(name, 0))
        kept = run.metrics.pop("validation")
        found = run.evaluate("validation")
        assert {k: m.value for k, m in found.items()} == pytest.approx({k: kept[k].value for k in found}, rel=1e-5)
        each = load_file(folder(name, 0) / "per_example.safetensors")
        assert run.per_example("validation")["loss"] == pytest.approx(each["validation.loss"], rel=1e-4)


@pytest.mark.slow
def test_a_score_worked_out_anew_is_what_was_found(old):
    run = latente.load(folder("vae-2", 1))
    kept = dict(run.measured["test"])
    run.measured["test"].clear()
    for score in ({"name": "nll", "samples": 50}, "mean-mse", "collapse"):
        found = run.score(score)
        before = next(m for m in kept.values() if set(m.values) == set(found.values))
        for column, metric in found.values.items():
            assert metric.value == pytest.approx(before.values[column].value, rel=1e-3, abs=1e-4), column


def test_it_is_shown(old, capsys):
    assert main(["show", "."]) == 0 and main(["show", str(folder("vae-2", 0))]) == 0
    said = capsys.readouterr().out
    kept = json.loads((folder("vae-2", 0) / "metrics.json").read_text())["test"]["loss"]["value"]
    assert f"{kept:.2f}" in said and "run vae-2, seed 0" in said and all(name in said for name, _ in NAMES)
    assert main(["list", ".."]) == 0
    assert "8/8 runs, not finished: A study of before" in capsys.readouterr().out


def recorded():
    """The numbers of results.csv: those of all seeds by run and metric, on the test part."""
    found = {}
    with Path("results.csv").open() as file:
        for row in csv.DictReader(file):
            if row["split"] == "test":
                found.setdefault((row["run"], row["metric"]), []).append(float(row["value"]))
    return found


def test_it_is_compared(old):
    table = latente.compare(["."], ["loss", "mse"]).as_dict()
    assert [m["name"] for m in table["models"]] == ["vae-2", "vae-3", "ae-2", "ae-3"]
    values = {(v["model"], b["column"]): v["value"] for b in table["boards"] for v in b["values"]}
    assert len(values) == 8
    assert values == pytest.approx({k: np.mean(recorded()[k]) for k in values}, rel=1e-12)
    # Every number that was scored then is known, and none is worked out anew.
    columns = {b["column"] for b in latente.compare(["."]).as_dict()["boards"]}
    assert columns >= {"loss", "mse", "nll_50", "mean-mse", "linear-probe"}
    assert latente.elbow(["runs/vae-2/seed-0", "runs/vae-2/seed-1", "runs/vae-3/seed-0", "runs/vae-3/seed-1"]).sizes


@pytest.mark.slow
def test_it_is_reported(old):
    numbers = Path("results.csv").read_bytes()
    before = json.loads(Path("findings.json").read_text())
    page = latente.report_study(".", lang="pt").read_text()
    assert "A study of before" in page and 'lang="pt' in page
    assert Path("results.csv").read_bytes() == numbers
    after = json.loads(Path("findings.json").read_text())
    assert [f["id"] for f in after["findings"]] == [f["id"] for f in before["findings"]]
    for name in ("train", "validation", "gap"):
        first, second = (f["findings"][0]["claims"][0]["evidence"][0]["numbers"][name] for f in (before, after))
        assert first == pytest.approx(second, rel=1e-6)
    assert {p.suffix for p in Path("figures").iterdir()} == {".svg", ".png", ".webp"}


def test_it_is_explored(old, capsys):
    assert main(["explore", "runs/vae-2/seed-0", "runs/ae-2/seed-0", "--export", "page.html", "--lang", "en"]) == 0
    page = Path("page.html").read_text()
    assert "vae-2" in page and "ae-2" in page and len(page) > 50_000


@pytest.fixture
def old_run(tmp_path, monkeypatch):
    monkeypatch.chdir(shutil.copytree(OLD.with_name("old_run"), tmp_path / "old"))
    return latente.load("run")


def test_a_run_with_a_manifest_is_what_it_was(old_run):
    assert not changed(Path("run"))
    assert json.loads(Path("run/manifest.json").read_text())["latente"] == "0.1.0"
    kept = json.loads(Path("run/metrics.json").read_text())
    assert {part: {k: m.value for k, m in found.items()} for part, found in old_run.metrics.items()} == {
        part: {k: m["value"] for k, m in found.items()} for part, found in kept.items()
    }
    assert [access.by.split()[:2] for access in old_run.test_accesses] == [["latente", "run"]]
    assert set(old_run.measured["test"]) == {"nll_50", "mean-mse"}


def test_a_run_with_a_manifest_gives_what_it_gave(old_run):
    found = json.loads(Path("found.json").read_text())
    rows = old_run.data.test.x[:6]
    assert np.asarray(old_run.encode(rows)) == pytest.approx(np.array(found["codes"]), rel=1e-4, abs=1e-5)
    assert np.asarray(old_run.reconstruct(rows)) == pytest.approx(np.array(found["reconstructions"]), rel=1e-4)
    assert np.asarray(old_run.sample(4)) == pytest.approx(np.array(found["samples"]), rel=1e-4)


def test_a_run_of_a_later_format_is_refused_by_its_number(old_run):
    spec = Path("run/spec.json")
    spec.write_text(spec.read_text().replace('"format": 2', '"format": 3'))
    Path("run/manifest.json").unlink()
    with pytest.raises(StoreError, match=r"is of format 3, and this latente reads 1 to 2; take a later one"):
        latente.load("run")
