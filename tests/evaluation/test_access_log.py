"""The test part is looked at once for each number, and it is recorded when and by which command."""

import json

import pytest
from maderuns import blank_run, made_run

import latente
from latente.errors import StoreError
from latente.evaluation.access_log import as_command
from latente.evaluation.evaluate import METRICS

SMALL = {"hidden": (4,)}


def contents(folder):
    return {p.relative_to(folder): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def folders(tiny, tmp_path_factory):
    """Two saved runs that were evaluated, each by its own command."""
    root = tmp_path_factory.mktemp("looked")
    for name, spec in (("a", latente.VAE(2, **SMALL)), ("b", latente.VAE(3, **SMALL))):
        run = blank_run(tiny, name, 0, spec)
        with as_command(f"latente run {name}"):
            run.evaluate("validation")
            assert run.test_accesses == []
            first = run.evaluate("test")
            assert run.evaluate("test") is first and len(run.test_accesses) == 1
            run.per_example("test")
        run.save(root / name)
    return [root / "a", root / "b"]


@pytest.mark.slow
def test_a_look_is_recorded_once_with_its_command(folders, tiny):
    times = json.loads((folders[0] / "times.json").read_text())
    (look,) = times["looks_at_test"]
    assert look["by"] == "latente run a" and tuple(look["found"]) == METRICS
    assert look["at"].endswith("Z") and look["at"] > "2020"
    run = latente.load(folders[0], data=tiny)
    assert [(k.by, k.at) for k in run.test_accesses] == [("latente run a", look["at"])]
    with as_command("latente evaluate a"):
        measured = run.score("mean-mse", "test")
        assert run.score("mean-mse", "test") is measured
        run.score("mean-mse", "validation")
        run.score("linear-probe", "test")
        # The loss is known: nothing is looked at.
        run.score("loss", "test")
    assert [(k.by, k.found) for k in run.test_accesses[1:]] == [("latente evaluate a", ["mean-mse", "linear-probe"])]


@pytest.mark.slow
def test_values_of_each_example_are_those_of_the_means(folders, tiny):
    run = latente.load(folders[0], data=tiny)
    for split in ("validation", "test"):
        known = run.known_examples(split)
        for column in ("loss", "reconstruction", "mse"):
            assert known[column].mean(dtype=float) == run.metrics[split][column].value
        for score, column in (("mean-mse", "mean-mse"), ({"name": "nll", "samples": 3}, "nll_3"), ("loss", "loss")):
            measured = run.score(score, split)
            assert measured.each(column).shape == (len(tiny.part(split)),)
            assert measured.each(column).mean() == pytest.approx(run.metrics[split][column].value, rel=1e-12)
            assert measured.each("other") is None
    assert run.known_examples("train") == {}
    run.evaluate("train")
    # Of one distribution: the scores agree with what evaluation gives for another seed of codes, roughly.
    assert run.measured["test"]["loss"].each("loss") == pytest.approx(run.known_examples("test")["loss"], rel=1e-6)


def test_comparing_what_is_known_looks_at_nothing(folders, monkeypatch):
    before = [contents(f) for f in folders]
    monkeypatch.setattr("latente.evaluation.run.per_example", None)
    found = latente.compare(folders)
    assert [b.column for b in found.boards] == ["loss", "mse"]
    assert [contents(f) for f in folders] == before


@pytest.mark.slow
def test_what_a_comparison_works_out_is_kept_and_recorded(folders, tiny):
    with as_command("latente compare a b"):
        found = latente.compare(folders, ["mean-mse"], data=tiny)
    kept = [contents(f) for f in folders]
    for folder in folders:
        look = json.loads((folder / "times.json").read_text())["looks_at_test"][-1]
        assert (look["by"], look["found"]) == ("latente compare a b", ["mean-mse"])
    again = latente.compare(folders, ["mean-mse"], data=tiny)
    assert [contents(f) for f in folders] == kept
    assert again.boards == found.boards
    # Choosing is done on the validation part, of which no look is recorded.
    latente.elbow(folders, "mean-mse", data=tiny)
    latente.compare(folders, ["mean-mse"], split="validation", data=tiny).select()
    assert [json.loads((f / "times.json").read_text())["looks_at_test"][-1]["found"] for f in folders] == [
        ["mean-mse"]
    ] * 2


def test_folders_that_are_no_finished_runs_are_named(folders, tiny, tmp_path):
    with pytest.raises(StoreError, match="nothing: no such folder; give a run's, or a study's"):
        latente.compare([folders[0], tmp_path / "nothing"])
    with pytest.raises(StoreError, match="is neither a run's folder .* nor a study's"):
        latente.compare([folders[0], tmp_path])
    half = tmp_path / "half"
    half.mkdir()
    (half / "checkpoint.safetensors").write_bytes(b"")
    with pytest.raises(StoreError, match="half: the run is not finished; go on with its study"):
        latente.compare([folders[0], half])
    study = tmp_path / "study"
    study.mkdir()
    table = {"data": {}, "runs": [{"name": "a"}, {"name": "b"}], "seeds": [0]}
    (study / "study.json").write_text(json.dumps(table))
    made_run(tiny, "a").save(study / "runs" / "a" / "seed-0")
    with pytest.raises(StoreError, match=r"1 of 2 runs are not finished \(b/seed-0\); finish it with"):
        latente.compare(study)
    made_run(tiny, "b", spec=latente.VAE(3, **SMALL)).save(study / "runs" / "b" / "seed-0")
    assert [m.name for m in latente.compare(study, ["loss"]).models] == ["a", "b"]
    # The same folder twice is one run.
    assert len(latente.compare([study, study / "runs" / "a" / "seed-0"], ["loss"]).models) == 2
    (study / "study.json").write_text(json.dumps({"runs": 3}))
    with pytest.raises(StoreError, match="study.json: is damaged"):
        latente.compare(study)
