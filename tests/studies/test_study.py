"""Whole studies on small data: the folder they write, resuming after a kill, and what they refuse."""

import csv
import json
import random
import signal
import time

import numpy as np
import pytest
from made import blobs
from madestudy import begin, break_off, same_folders, write_study

import latente
from latente.cli.main import main
from latente.errors import DataError, SpecError, StoreError
from latente.evaluation import manifest
from latente.studies.study import run_study
from latente.studies.train import Watch
from latente.studies.workers import WorkerPool
from latente.training import store

QUICK = [
    "vae.train.epochs=3",
    "ae.train.epochs=2",
    "latent.train.epochs=2",
    "ae-matched.train.epochs=2",
    "train.batch_size=64",
    "latent.latent_dim=[2,3]",
    *(f"{name}.{what}" for name in ("warmup-32", "beta-32") for what in ("train.epochs=2", "latent_dim=3")),
    'warmup-32.beta={name="linear", steps=4}',
    "ae-matched.latent_dim=[2,3]",
    "hidden=[16]",
]

NAMES = ("vae", "ae", "latent-2", "latent-3", "warmup-32", "beta-32", "ae-2", "ae-3")


def settings(*more):
    return [part for setting in (*QUICK, *more) for part in ("--set", setting)]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    x, y = blobs(400, (12, 10))
    path = tmp_path_factory.mktemp("data") / "pictures.npz"
    np.savez(path, x=x, y=y)
    return path


@pytest.fixture(scope="module")
def finished(pictures, tmp_path_factory):
    out = tmp_path_factory.mktemp("finished") / "study"
    return run_study(data=pictures, settings=QUICK, out=out, seeds=2, lang="en", command="latente run")


@pytest.mark.slow
def test_a_run_is_trained_on_and_says_its_parent(finished, pictures, tmp_path, capsys):
    parent = finished.runs[1]
    asked = {"start": finished.folder / "runs" / "vae" / "seed-1", "data": pictures, "out": tmp_path / "on"}
    asked |= {"settings": ["train.epochs=1"], "freeze": ["encoder"], "lang": "en"}
    (run,) = run_study(**asked).runs
    assert (run.spec.name, run.spec.seed, run.spec.model) == ("vae", 1, parent.spec.model)
    assert run.spec.start.fingerprint == parent.fingerprint and run.spec.start.name == "vae, seed 1"
    ours, theirs = (store.flatten(one.model, "") for one in (run, parent))
    same = {name for name in ours if np.array_equal(ours[name], theirs[name])}
    assert same == {name for name in ours if name.startswith("encoder.")}
    said = f"vae: the weights of vae, seed 1 (fingerprint {parent.fingerprint[:12]}), encoder held fixed"
    assert said in (asked["out"] / "report.html").read_text()
    # Gone on with, it is finished already; and it does without its parent.
    before = (asked["out"] / "runs" / "vae" / "seed-1" / "weights.safetensors").stat().st_mtime_ns
    assert run_study(**asked, resume=True).runs[0].fingerprint == run.fingerprint
    assert (asked["out"] / "runs" / "vae" / "seed-1" / "weights.safetensors").stat().st_mtime_ns == before
    assert main(["show", str(asked["out"] / "runs" / "vae")]) == 0
    assert f"fingerprint = {parent.fingerprint}, name = vae, seed 1, anew = []" in capsys.readouterr().out
    with pytest.raises(SpecError, match='run "vae": freeze: unknown part "decode"; did you mean "decoder"'):
        run_study(**{**asked, "out": tmp_path / "no", "freeze": ["decode"]})
    assert not (tmp_path / "no").exists()


@pytest.mark.slow
def test_the_folder_holds_all_that_is_promised(finished):
    names = [(r.spec.name, r.spec.seed) for r in finished.runs]
    assert names == [(n, s) for n in NAMES for s in (0, 1)]
    assert {p.name for p in finished.folder.iterdir()} >= {
        "study.json",
        "report.html",
        "results.csv",
        "figures",
        "runs",
    }
    folder = finished.folder / "runs" / "vae" / "seed-1"
    assert {p.name for p in folder.iterdir()} >= {
        "spec.json", "weights.safetensors", "history.csv", "metrics.json", "data.json",
    }  # fmt: skip
    assert not list(finished.folder.rglob("*.part")) and not list(finished.folder.rglob("checkpoint*"))


def test_results_csv_has_one_row_for_each_run_seed_split_and_metric(finished):
    with (finished.folder / "results.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["run", "seed", "split", "metric", "value", "standard_error"]
    assert len(rows) == 16 * 3 * 6 == len({tuple(list(r.values())[:4]) for r in rows})
    assert {r["metric"] for r in rows} == {"loss", "reconstruction", "kl", "bce_per_pixel", "mse", "bits_per_dim"}
    found = {(r["run"], r["seed"], r["split"], r["metric"]): float(r["value"]) for r in rows}
    for run in finished.runs:
        for split in ("train", "validation", "test"):
            value = {m: found[run.spec.name, str(run.spec.seed), split, m] for m in run.metrics[split]}
            beta = 4 if run.spec.name == "beta-32" else 1
            assert value["loss"] == pytest.approx(value["reconstruction"] + beta * value["kl"], rel=1e-6)
            assert value["bce_per_pixel"] == pytest.approx(value["reconstruction"] / 120, rel=1e-6)
            assert value["bits_per_dim"] == pytest.approx(value["loss"] / 120 / np.log(2), rel=1e-6)
            assert value["loss"] == run.metrics[split]["loss"].value


def test_a_run_loads_as_it_was(finished, pictures):
    run = finished.runs[0]
    again = latente.load(finished.folder / "runs" / "vae" / "seed-0")
    x = again.data.validation.x
    assert np.array_equal(run.encode(x), again.encode(x)) and np.array_equal(run.reconstruct(x), again.reconstruct(x))
    assert np.array_equal(run.sample(5, seed=3), again.sample(5, seed=3))
    assert all(np.array_equal(run.history[k], again.history[k]) for k in run.history)
    assert again.metrics == run.metrics and again.spec == run.spec
    again.metrics.clear()
    assert again.evaluate("validation") == run.metrics["validation"]
    values = again.data.values(x)
    assert np.array_equal(again.encode(values), again.encode(x))


def test_the_test_part_is_looked_at_once(finished, monkeypatch):
    from latente.evaluation import run as module

    def refuse(*args):
        raise AssertionError("looked again")

    monkeypatch.setattr(module, "per_example", refuse)
    again = latente.load(finished.folder / "runs" / "vae" / "seed-0")
    assert again.evaluate("test") == finished.runs[0].metrics["test"]


@pytest.mark.slow
def test_a_finished_study_resumes_to_itself_and_reports_in_portuguese(finished, pictures):
    before = (finished.folder / "results.csv").read_bytes()
    seen = []
    run_study(
        data=pictures, settings=QUICK, out=finished.folder, seeds=2, lang="en", resume=True,
        watch=Watch(on_epoch=seen.append),
    )  # fmt: skip
    assert seen == [] and (finished.folder / "results.csv").read_bytes() == before
    with manifest.locked(finished.folder), pytest.raises(StoreError, match="another latente is working in it"):
        latente.report_study(finished.folder)
    path = latente.report_study(finished.folder, lang="pt")
    assert 'lang="pt' in path.read_text()
    assert (finished.folder / "results.csv").read_bytes() == before


@pytest.mark.slow
def test_broken_off_at_any_moment_and_resumed_is_never_interrupted(tmp_path, heard):
    study, broken = write_study(tmp_path, epochs=(400, 30)), tmp_path / "broken"
    began = time.monotonic()
    whole = begin(study, "whole", 1)
    assert whole.communicate()[1] == "" and whole.returncode == 0
    lasts = time.monotonic() - began
    rng = random.Random(1)

    def when(there):
        def wait(process):
            while not there() and process.poll() is None:
                time.sleep(0.005)

        return wait

    def reached(pattern):
        return when(lambda: any(broken.glob(pattern)))

    def trains_on(process):
        """The checkpoint is written anew."""
        before = written()
        when(lambda: written() > before)(process)

    def written():
        return max((p.stat().st_mtime_ns for p in broken.glob("runs/vae/*/checkpoint.safetensors")), default=0)

    def sometime(process):
        """In what is left once both are trained, perhaps when the page is written."""
        time.sleep(rng.uniform(0.1, 0.4) * lasts)

    moments = [
        # In the middle of the first run, again a little later, between runs, and in the report.
        (signal.SIGKILL, reached("runs/vae/*/checkpoint.safetensors")),
        (signal.SIGINT, trains_on),
        (signal.SIGKILL, reached("runs/ae/*")),
        (signal.SIGKILL, reached("figures/*")),
        (signal.SIGTERM, sometime),
        (signal.SIGINT, sometime),
    ]
    for number, moment in moments:
        if break_off(study, "broken", 1, number, moment):
            assert moment is sometime or not (broken / "report.html").exists()
        else:
            assert moment is sometime
            broken.rename(tmp_path / f"done-{time.monotonic_ns()}")
    last = begin(study, "broken", 1)
    assert last.communicate()[1] == "" and last.returncode == 0
    assert same_folders(tmp_path / "whole", broken) == []


def test_what_is_refused_destroys_nothing(finished, pictures, tmp_path):
    with pytest.raises(StoreError, match="exists and is not empty; nothing is overwritten"):
        run_study(data=pictures, settings=QUICK, out=finished.folder, lang="en")
    with pytest.raises(StoreError, match=r"holds another study .*runs.*there and .* here"):
        run_study(data=pictures, settings=[*QUICK, "vae.latent_dim=5"], out=finished.folder, seeds=2, resume=True)
    other = tmp_path / "mine"
    other.mkdir()
    (other / "thesis.doc").write_text("all my work")
    for resume in (False, True):
        with pytest.raises(StoreError):
            run_study(data=pictures, settings=QUICK, out=other, resume=resume)
    with pytest.raises(StoreError, match="is a file"):
        run_study(data=pictures, settings=QUICK, out=other / "thesis.doc")
    assert (other / "thesis.doc").read_text() == "all my work" and len(list(other.iterdir())) == 1
    with pytest.raises(StoreError, match="exists and is not empty"):
        finished.runs[0].save(other)


@pytest.mark.slow
def test_a_study_goes_on_where_its_data_has_moved(pictures, tmp_path):
    moved, out = tmp_path / "moved.npz", tmp_path / "study"
    (tmp_path / "s.toml").write_text(
        '[data]\nsource = "digits"\n[runs.a]\npreset = "VAE"\nlatent_dim = 2\nhidden = [8]\n'
        'train = { epochs = 1, batch_size = 64 }\n[runs.b]\npreset = "AE"\nlatent_dim = 2\nhidden = [8]\n'
        "train = { epochs = 1, batch_size = 64 }\n"
    )
    moved.write_bytes(pictures.read_bytes())

    def stop(spec):
        raise KeyboardInterrupt

    again = {"out": out, "resume": True, "lang": "en"}
    with pytest.raises(KeyboardInterrupt):
        run_study(tmp_path / "s.toml", data=pictures, out=out, watch=Watch(on_done=stop))
    with np.load(pictures) as kept:
        np.savez(tmp_path / "other.npz", x=kept["x"][::-1], y=kept["y"][::-1])
    with pytest.raises(StoreError, match=r"holds another study \(.*pictures.npz' there and .*other.npz' here"):
        run_study(tmp_path / "s.toml", data=tmp_path / "other.npz", **again)
    seen = []
    with WorkerPool(1) as one:
        study = run_study(tmp_path / "s.toml", data=moved, watch=Watch(on_epoch=seen.append), jobs=one, **again)
    assert [e.run.name for e in seen] == ["b"]
    assert {r.spec.data.source for r in study.runs} == {str(pictures)} == {study.spec.data.source}
    assert {json.loads(p.read_text())["name"] for p in out.rglob("data.json")} == {"pictures"}


def test_wrong_parts_are_refused_before_anything_is_written(pictures, tmp_path):
    out = tmp_path / "none"
    with pytest.raises(SpecError, match='did you mean "gaussian"'):
        run_study(data=pictures, settings=[*QUICK, "latent.posterior=gausian"], out=out)
    with pytest.raises(SpecError, match='unknown language "fr"'):
        run_study(data=pictures, settings=QUICK, out=out, lang="fr")
    with pytest.raises(DataError, match="fewer than one batch"):
        run_study(data=pictures, settings=[*QUICK, "train.batch_size=5000"], out=out)
    assert not out.exists()


def test_two_cannot_work_in_one_folder(pictures, tmp_path):
    def second(epoch):
        with pytest.raises(StoreError, match="another latente is working in it"):
            run_study(data=pictures, settings=QUICK, out=tmp_path / "s", resume=True)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_study(data=pictures, settings=QUICK, out=tmp_path / "s", watch=Watch(on_epoch=second))


def test_damaged_folders_are_named(finished, tmp_path):
    import shutil

    run = tmp_path / "run"
    shutil.copytree(finished.folder / "runs" / "vae" / "seed-0", run)
    weights = (run / "weights.safetensors").read_bytes()
    (run / "weights.safetensors").write_bytes(weights[:1000])
    with pytest.raises(StoreError, match=r"weights.safetensors: is not what was written .*or delete manifest.json"):
        latente.load(run)
    (run / "manifest.json").unlink()
    with pytest.raises(StoreError, match="truncated or not a safetensors file"):
        latente.load(run)
    (run / "weights.safetensors").write_bytes(weights)
    spec = json.loads((run / "spec.json").read_text())
    (run / "spec.json").write_text(json.dumps({**spec, "model": {**spec["model"], "latent_dim": 3}}))
    with pytest.raises(StoreError, match="it is of another model"):
        latente.load(run)
    (run / "spec.json").write_text(json.dumps({**spec, "model": {**spec["model"], "posterior": "gausian"}}))
    with pytest.raises(latente.LatenteError, match="gausian"):
        latente.load(run)
    (run / "history.csv").write_text("epoch,loss\n1,x\n")
    (run / "spec.json").write_text(json.dumps(spec))
    with pytest.raises(StoreError, match="is damaged"):
        latente.load(run)
    with pytest.raises(StoreError, match="is not a run folder"):
        latente.load(tmp_path)
    with pytest.raises(StoreError, match="is not a study folder"):
        latente.report_study(tmp_path)


def test_a_run_refuses_data_that_has_changed(finished, pictures):
    other = latente.load_data(blobs(400, (12, 10), seed=5))
    with pytest.raises(DataError, match="is not the data the run was trained on"):
        latente.load(finished.folder / "runs" / "vae" / "seed-0", data=other)


def test_a_run_refuses_wrong_arrays(finished):
    run = finished.runs[0]
    for x in (np.zeros((2, 5, 5)), np.zeros((0, 12, 10)), np.zeros((12, 10)), np.full((1, 12, 10), np.nan)):
        with pytest.raises(DataError, match="examples: got"):
            run.encode(x)
    with pytest.raises(DataError, match="codes: got shape"):
        run.decode(np.zeros((3, 7)))
    with pytest.raises(SpecError, match="n = 0"):
        run.sample(0)
    with pytest.raises(SpecError, match="seed: got 4294967296; allowed: a whole number of at most"):
        run.sample(1, seed=2**32)
    ae = next(r for r in finished.runs if r.spec.name == "ae")
    with pytest.raises(SpecError, match="no prior to sample from"):
        ae.sample(3)
    with pytest.raises(DataError, match='unknown split "tset"; did you mean "test"'):
        run.evaluate("tset")


@pytest.mark.slow
def test_a_study_of_other_models_than_the_notebooks_has_a_report(tmp_path):
    x, y = blobs(200, (6, 5))
    np.savez(tmp_path / "pictures.npz", x=x, y=y)
    shared = "hidden = [8]\ntrain = { epochs = 2, batch_size = 32 }"
    (tmp_path / "study.toml").write_text(
        f'[runs.iwae]\npreset = "IWAE"\n{shared}\n[runs.vq]\npreset = "VQVAE"\ncodes = 8\n{shared}\n'
    )
    study = run_study(tmp_path / "study.toml", data=tmp_path / "pictures.npz", out=tmp_path / "out", lang="en")
    page = study.report.read_text()
    assert "iwae" in page and "vq" in page
    told = json.loads((tmp_path / "out" / "findings.json").read_text())
    assert {f["verdict"] for f in told["findings"]} == {"unknown"}
