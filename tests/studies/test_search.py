"""A search from its file to the report: pruned, resumed, by several processes, and blind to the test part."""

import dataclasses
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pytest

from latente.errors import SpecError, StoreError
from latente.evaluation.folders import read_study
from latente.objective.presets import VAE
from latente.report.search import read_search
from latente.spec import RunSpec, StudySpec, TrainSpec
from latente.studies import search as module
from latente.studies.search import Search, as_asked, scored, searched
from latente.studies.study import report_study, run_study
from latente.studies.study_file import read_study as read_study_file
from latente.studies.train import perform
from latente.studies.watch import Watch

optuna = pytest.importorskip("optuna", reason="optuna is not installed")

VARY = {"train": {"learning_rate": {"low": 1e-4, "high": 0.1, "log": True}}, "activation": ["relu", "tanh"]}


def study(data, **search):
    run = RunSpec("vae", 0, VAE(2, hidden=(8,)), TrainSpec(epochs=4, batch_size=64), data.spec)
    return StudySpec("a search", data.spec, (0, 1), (run,), search={"vary": VARY, "trials": 8, **search})


class Quick:
    """Trials whose number is made up from their settings: nothing is trained."""

    def __init__(self, monkeypatch):
        self.seen, self.epochs = [], []
        monkeypatch.setattr(module, "train_run", self.train)

    def train(self, run, data, on_epoch):
        self.seen.append((run, data))
        rate = abs(np.log10(run.train.learning_rate / 1e-2)) + (run.model.activation == "relu")
        for number in range(1, 5):
            self.epochs.append((run.name, number))
            logs = {"val_loss": -1.0, "val_reconstruction": 10 + rate, "val_kl": 1 / number}
            on_epoch(type("E", (), {"run": run, "number": number, "logs": logs})())
        return Trained(rate)


class Trained:
    def __init__(self, value):
        self.metrics = {"validation": {"loss": type("M", (), {"value": 10 + value, "standard_error": 0.1})()}}

    def score(self, score, split):
        assert split == "validation"
        return True


@pytest.fixture
def quick(monkeypatch):
    return Quick(monkeypatch)


def test_the_best_is_found_bad_ones_are_broken_off_and_nobody_sees_the_test_part(tiny, tmp_path, quick):
    done = []
    spec = study(tiny, trials=20)
    after = searched(spec, tiny, tmp_path, Watch(on_done=lambda run: done.append(run.name)))
    assert done == [f"trial-{i}" for i in range(20)]
    assert all(len(data.test) == 0 and run.seed == 100 for run, data in quick.seen)
    found = read_search(tmp_path)
    assert len(found.trials) == 20 and not found.of("failed") and found.of("pruned")
    assert all(t.epochs < 4 for t in found.of("pruned")) and all(t.epochs == 4 for t in found.of("complete"))
    # The settings that the run has already come first.
    assert found.trials[0].default and found.trials[0].values == {"activation": "relu", "train.learning_rate": 1e-3}
    assert found.trials[0].value == pytest.approx(12.0) and found.trials[0].error == 0.1
    best = min(found.of("complete"), key=lambda t: t.value)
    assert found.winner == best and best.value < 10.5
    assert sum(found.importance.values()) == pytest.approx(1) and set(found.importance) == set(found.space)
    tuned = after.runs[1]
    assert tuned.name == "vae-tuned" and tuned.model.activation == best.values["activation"]
    assert tuned.train.learning_rate == best.values["train.learning_rate"]
    assert as_asked(after) == spec
    # Again: it is done, and gives the same.
    trained = len(quick.seen)
    assert searched(spec, tiny, tmp_path, Watch()) == after and len(quick.seen) == trained


def test_the_same_seed_draws_the_same_trials_and_going_on_is_as_if_never_stopped(tiny, tmp_path, quick):
    folders = [tmp_path / name for name in ("whole", "broken")]
    for folder in folders:
        folder.mkdir()
    searched(study(tiny, sampler="random", pruner="none"), tiny, folders[0], Watch())

    class Stop(KeyboardInterrupt):
        pass

    def stop(run):
        if run.name == "trial-2":
            raise Stop

    with pytest.raises(Stop):
        searched(study(tiny, sampler="random", pruner="none"), tiny, folders[1], Watch(on_done=stop))
    # One that was killed while it was trained.
    broken = Search(study(tiny, sampler="random", pruner="none"), tiny, folders[1])
    lost = broken.study.ask({"activation": optuna.distributions.CategoricalDistribution(["relu", "tanh"])})
    assert broken.remaining() == 4 and broken.remaining(own=3) == 2
    searched(study(tiny, sampler="random", pruner="none"), tiny, folders[1], Watch())
    whole, again = (read_search(folder).trials for folder in folders)
    assert len(again) == 8 and lost.number not in {t.number for t in again}
    assert [t.values for t in again[:3]] == [t.values for t in whole[:3]]
    # It was begun again, with the settings that it had.
    assert next(t for t in again if t.number == 4).values["activation"] == lost.params["activation"]


def test_trials_that_cannot_be_trained_are_counted_and_said(tiny, tmp_path, quick, monkeypatch):
    train = quick.train

    def fail(run, data, on_epoch):
        if run.model.activation == "tanh":
            raise SpecError("tanh: no")
        return train(run, data, on_epoch)

    monkeypatch.setattr(module, "train_run", fail)
    searched(study(tiny), tiny, tmp_path, Watch())
    found = read_search(tmp_path)
    assert len(found.trials) == 8 and {t.why for t in found.of("failed")} == {"tanh: no"}
    monkeypatch.setattr(module, "train_run", lambda run, data, on_epoch: (_ for _ in ()).throw(SpecError("never")))
    (tmp_path / "none").mkdir()
    with pytest.raises(Exception, match=r"^search: none of 8 trials came to its end \(the first one: never\)"):
        searched(study(tiny), tiny, tmp_path / "none", Watch())


def test_where_nothing_is_better_nothing_is_trained_again(tiny, tmp_path, quick):
    spec = study(tiny, vary={"train": {"learning_rate": [1e-3, 1e-4]}}, trials=2)
    assert searched(spec, tiny, tmp_path, Watch()) == spec
    assert read_search(tmp_path).winner.default


def test_a_file_says_what_is_wrong_with_its_search_and_has_three_seeds(tmp_path):
    path = tmp_path / "study.toml"
    runs = '[runs.vae]\npreset = "VAE"\n'
    path.write_text(f"{runs}[search]\nvary.latent_dim = [1, 2]\n")
    assert read_study_file(path).seeds == (0, 1, 2) and read_study_file(path, seeds=1).seeds == (0,)
    for text, line in {
        "vary = {}": "^search.vary: got {}; allowed: a table of what to vary",
        "": r"^search.vary: got \(\); allowed: a table of what to vary",
        "tirals = 3": '^unknown key in search "tirals"; did you mean "trials"',
        "vary.latent_dim = [1, 2]\ntrials = 0": "^search.trials: got 0; allowed: a whole number of at least 1",
    }.items():
        path.write_text(f"{runs}[search]\n{text}\n")
        with pytest.raises(SpecError, match=line):
            read_study_file(path)


def test_what_it_is_searched_by_is_scored_at_the_end(tiny):
    assert scored(study(tiny)).scores == ()
    assert scored(study(tiny, by={"name": "nll", "samples": 5})).scores == ({"name": "nll", "samples": 5},)
    assert scored(scored(study(tiny, by="nll"))).scores == ("nll",)


def test_databases_that_refuse_are_one_line(tiny, tmp_path, monkeypatch):
    (tmp_path / "search.db").write_text("no database")
    with pytest.raises(StoreError, match=r"^search: the database .*search.db cannot be used \(file is not a d"):
        Search(study(tiny), tiny, tmp_path)
    with pytest.raises(StoreError, match="^search: the database nosuch://x/y cannot be used"):
        Search(study(tiny, storage="nosuch://x/y"), tiny, tmp_path)
    for url, line in {
        "postgresql://me:pw@h/d": "^search.storage: holds a password.*leave it out: PostgreSQL takes PGPASSWORD",
    }.items():
        with pytest.raises(SpecError, match=line):
            module.check_installed(url)
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SpecError, match=r"^search: optuna is not installed; pip install 'latente\[search\]'$"):
        module.check_installed("")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A study whose search was performed by two processes."""
    folder = tmp_path_factory.mktemp("search")
    from madestudy import write_study

    write_study(folder, epochs=(4, 2))
    text = (folder / "study.toml").read_text().partition("[runs.ae]")[0]
    vary = "{ learning_rate = { low = 1e-3, high = 0.1, log = true } }"
    (folder / "study.toml").write_text(f"{text}\n[search]\ntrials = 4\npruner = 'none'\nvary.train = {vary}\n")
    epochs, done = [], []
    watch = Watch(on_epoch=lambda e: epochs.append(e.run.name), on_done=lambda run: done.append(run.name))
    made = run_study(
        folder / "study.toml", data=folder / "pictures.npz", out=folder / "out", jobs=2, watch=watch, lang="en", seeds=2
    )
    return made, epochs, done


@pytest.mark.slow
def test_two_processes_search_train_the_winner_and_report_it(whole):
    made, epochs, done = whole
    assert sorted(done) == ["trial-0", "trial-1", "trial-2", "trial-3", "vae", "vae", "vae-tuned", "vae-tuned"]
    assert epochs.count("trial-3") == 4
    found = read_search(made.folder)
    assert len(found.trials) == 4 and len(found.of("complete")) == 4
    assert [(r.spec.name, r.spec.seed) for r in made.runs] == [
        ("vae", 0), ("vae", 1), ("vae-tuned", 0), ("vae-tuned", 1),
    ]  # fmt: skip
    assert made.runs[2].spec.train.learning_rate == found.winner.values["train.learning_rate"]
    # The test part was looked at once by each of the four runs, when all trials were over.
    assert all(len(run.test_accesses) == 1 for run in made.runs)
    page = made.report.read_text()
    assert "Search for settings" in page and "None of them saw the test part" in page
    assert "the loss of vae-tuned on the test part differs from that of vae by" in page
    assert {p.name for p in (made.folder / "figures").iterdir()} >= {"search-trials.svg", "search-slices.svg"}
    assert "Busca de configurações" in report_study(made.folder, lang="pt").read_text()


@pytest.mark.slow
def test_it_is_gone_on_with_and_other_searches_are_refused(whole, tmp_path):
    made = whole[0]
    folder = made.folder.parent
    given = {"data": folder / "pictures.npz", "out": made.folder, "lang": "en", "seeds": 2, "resume": True}
    again = run_study(folder / "study.toml", **given)
    assert read_study(again.folder)[0] == made.spec
    with pytest.raises(StoreError, match="holds another study.*search.trials"):
        run_study(folder / "study.toml", settings=["search.trials=9"], **given)


@pytest.mark.slow
def test_the_values_of_the_test_part_change_no_trial(tiny, tmp_path):
    """Trained in earnest on data whose test part is replaced by something else."""
    other = dataclasses.replace(tiny, test=dataclasses.replace(tiny.test, x=255 - tiny.test.x))
    spec = study(tiny, trials=3, sampler="random", pruner="none")
    found = []
    for name, data in (("one", tiny), ("other", other)):
        (tmp_path / name).mkdir()
        searched(spec, data, tmp_path / name, Watch())
        found.append([(t.values, t.value) for t in read_search(tmp_path / name).trials])
    assert found[0] == found[1]
    runs = [perform(spec.runs[0], data, tmp_path / str(i), [], Watch()) for i, data in enumerate((tiny, other))
            if (tmp_path / str(i)).mkdir() is None]  # fmt: skip
    assert runs[0].metrics["test"] != runs[1].metrics["test"]


@pytest.fixture(scope="module")
def postgres():
    """The URL of a server of PostgreSQL that this test began, on a socket of its own."""
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    binaries = next(p for p in sorted(Path("/usr/lib/postgresql").glob("*/bin")) if (p / "initdb").exists())
    if binaries is None:
        pytest.skip("PostgreSQL's server is not installed: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="latente-"))
    # The server refuses to run as root.
    nobody = {"user": 65534, "group": 65534, "extra_groups": []} if os.getuid() == 0 else {}
    if nobody:
        os.chown(folder, 65534, 65534)
    cluster, log = folder / "cluster", (folder / "log").open("w")
    run = {"check": True, "stdout": log, "stderr": log, "cwd": folder, **nobody}
    subprocess.run([str(binaries / "initdb"), "-A", "trust", "-U", "latente", "-D", str(cluster)], **run)
    options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off"
    control = [str(binaries / "pg_ctl"), "-D", str(cluster), "-w"]
    subprocess.run([*control, "-o", options, "start"], **run)
    yield f"postgresql://latente@/postgres?host={folder}"
    subprocess.run([*control, "-m", "immediate", "stop"], **run)
    log.close()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.slow
def test_postgresql_serves_several_machines_at_once(tiny, tmp_path, quick, postgres):
    """Two folders are two machines: they share the trials, and each has the whole of what was found."""
    spec = study(tiny, storage=postgres, trials=12)
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    first = Search(spec, tiny, folders[0])
    first.begin(alone=False)
    for number in range(5):
        first.one(number, Watch())
    assert Search(spec, tiny, folders[1]).remaining() == 7
    after = [searched(spec, tiny, folder, Watch()) for folder in folders]
    assert len(quick.seen) == 12 and after[0].runs == after[1].runs
    assert json.loads((folders[0] / "search.json").read_text()) == json.loads((folders[1] / "search.json").read_text())
    assert not (folders[0] / "search.db").exists()
    with pytest.raises(StoreError, match="^search: the database postgresql://latente@/nosuch.* cannot be used"):
        Search(study(tiny, storage=postgres.replace("/postgres?", "/nosuch?")), tiny, tmp_path)
