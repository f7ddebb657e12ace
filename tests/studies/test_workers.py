"""Runs in processes of their own: the same numbers, errors in one line, and nobody left behind."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from made import blobs
from madestudy import begin, break_off, write_study

import latente
from latente.cli.compiling import set_environment
from latente.errors import LatenteError, SpecError, TrainingError
from latente.studies import workers
from latente.studies.study import run_study
from latente.studies.train import Watch
from latente.studies.workers import WorkerPool

pytestmark = pytest.mark.slow


@pytest.fixture
def study(tmp_path):
    write_study(tmp_path, epochs=(30, 2))
    return {"study": tmp_path / "study.toml", "data": tmp_path / "pictures.npz", "lang": "en"}


@pytest.fixture(scope="module")
def beside(tmp_path_factory):
    """A study performed by two workers, with the flags of those of a command: what was heard of it, and its seconds."""
    folder = write_study(tmp_path_factory.mktemp("beside"))
    # Files of the current folder that are called as modules are, by those that any process imports: none is executed.
    for name in ("queue", "jax", "numpy", "json", "typing", "latente", "sitecustomize", "usercustomize"):
        (folder / f"{name}.py").write_text(f"open({str(folder / 'executed')!r}, 'a').write({name!r})")
    heard, done = [], []
    began = time.monotonic()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("PYTHONPATH", os.pathsep + os.environ.get("PYTHONPATH", ""))
        patch.setenv("XLA_FLAGS", os.environ.get("XLA_FLAGS", ""))
        set_environment()
        watch = Watch(on_epoch=heard.append, on_done=lambda run: done.append(run.name))
        study = run_study("study.toml", data="pictures.npz", out=folder / "whole", jobs=2, watch=watch, lang="en")
    return study, heard, done, time.monotonic() - began


@pytest.mark.slow
def test_the_same_numbers_as_one_after_the_other(beside, tmp_path):
    study, heard, done, _ = beside
    folder = study.folder.parent
    assert not (folder / "executed").exists()
    here = run_study(folder / "study.toml", data=folder / "pictures.npz", out=tmp_path / "here", lang="en")
    assert [r.spec.name for r in study.runs] == ["vae", "ae"] and sorted(done) == ["ae", "vae"]
    for a, b in zip(study.runs, here.runs, strict=True):
        for part in ("train", "validation", "test"):
            assert a.metrics[part]["loss"].value == pytest.approx(b.metrics[part]["loss"].value, rel=1e-4)
    # Every epoch was told, with the numbers that the history has.
    losses = [e.logs["loss"] for e in heard if e.run.name == "vae"]
    np.testing.assert_array_equal(np.float32(losses), study.runs[0].history["loss"])
    assert [e.number for e in heard if e.run.name == "ae"] == list(range(1, 21))
    folders = study.folder, here.folder
    tables = [json.loads((d / "findings.json").read_text())["findings"] for d in folders]
    verdicts = [[(f["id"], f["verdict"]) for f in table] for table in tables]
    assert verdicts[0] == verdicts[1] and len(verdicts[0]) >= 13
    figures = [sorted(p.name for p in (d / "figures").iterdir()) for d in folders]
    assert figures[0] == figures[1] and len(figures[0]) > 5
    rows = [(d / "results.csv").read_text().splitlines() for d in folders]
    numbers = [{tuple(r.split(",")[:4]): float(r.split(",")[4]) for r in table[1:]} for table in rows]
    assert numbers[0] == pytest.approx(numbers[1], rel=1e-3)
    page = study.report.read_text()
    # All that the page shows is in it.
    assert page.count("<svg") + page.count('src="data:image/') >= len(figures[0])


@pytest.mark.slow
def test_every_signal_is_obeyed_and_costs_nothing_that_was_done(beside, heard, tmp_path):
    whole, _, _, lasts = beside
    folder = write_study(tmp_path)
    rng = random.Random(2)
    for number in (signal.SIGINT, signal.SIGTERM):
        if not break_off(folder, "broken", 2, number, lambda _: time.sleep(rng.uniform(0.1, 0.8) * lasts)):
            # It came to its end before the signal; begin anew.
            (folder / "broken").rename(folder / f"done-{time.monotonic_ns()}")
    last = begin(folder, "broken", 2)
    assert last.communicate()[1] == "" and last.returncode == 0
    for run in ("vae", "ae"):
        weights = Path("runs", run, "seed-0", "weights.safetensors")
        assert (whole.folder / weights).read_bytes() == (folder / "broken" / weights).read_bytes()


@pytest.mark.slow
def test_what_goes_wrong_in_one_is_said_in_one_line(study, tmp_path):
    with pytest.raises(TrainingError, match='run "vae": the loss stopped being finite'):
        run_study(**study, out=tmp_path / "diverged", jobs=2, settings=["vae.train.learning_rate=1e30"])
    with WorkerPool(1) as one:

        def kill(epoch):
            one.workers[0].process.kill()

        with pytest.raises(LatenteError, match="was killed by signal 9; perhaps memory ran out; go on with --resume"):
            run_study(**study, out=tmp_path / "killed", jobs=one, watch=Watch(on_epoch=kill))
    # What was there is gone on with.
    assert run_study(**study, out=tmp_path / "killed", resume=True).report.exists()


@pytest.mark.parametrize(
    ("then", "how"),
    [("os.kill(os.getpid(), 9)", "was killed by signal 9"), ("time.sleep(600)", "was killed by signal 9")],
    ids=["killed", "stays"],
)
def test_half_a_line_of_one_that_is_killed_is_the_end_of_it(study, tmp_path, then, how, monkeypatch):
    code = f'import os, time; print(\'{{{{"event": "ep\', end=chr(10), flush=True); {then}  # {{!r}}'
    monkeypatch.setattr(workers, "WORKER", code)
    monkeypatch.setattr(workers, "SILENT", 0.2)
    with pytest.raises(LatenteError, match=how):
        run_study(**study, out=tmp_path / "half", jobs=2)


@pytest.mark.slow
def test_the_current_folder_is_not_on_the_commands_path(tmp_path):
    """But for what Python itself imports before it looks for latente."""
    for name in ("queue", "jax", "numpy", "json", "typing", "argparse", "shlex", "difflib", "signal"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('executed')")
    script = Path(sys.executable).with_name("latente")
    command = [str(script)] if script.exists() else [sys.executable, "-m", "latente"]
    for started, path in ((command, os.pathsep), ([sys.executable, "-m", "latente"], "")):
        env = {**os.environ, "PYTHONPATH": path + os.environ.get("PYTHONPATH", "")}
        done = subprocess.run([*started, "models", "VAE"], cwd=tmp_path, env=env, capture_output=True, text=True)
        assert done.returncode == 0 and "executed" not in done.stderr, done.stderr


def test_what_other_processes_cannot_do_is_refused(tmp_path):
    x, _ = blobs(200, (6, 5))
    data = latente.load_data(x)
    with pytest.raises(SpecError, match="arrays that are only in memory; take jobs = 1"):
        run_study(data=data, out=tmp_path / "none", jobs=2)
    with pytest.raises(SpecError, match="jobs: got 0; allowed: a whole number of at least 1"):
        run_study(out=tmp_path / "none", jobs=0)
    assert not (tmp_path / "none").exists()


@pytest.mark.skipif(not os.path.isdir("/proc"), reason="processes are looked for in /proc")  # noqa: PTH112
def test_workers_end_with_the_one_they_work_for():
    code = (
        "import sys, time\nfrom latente.studies.workers import WorkerPool\n"
        "with WorkerPool(2) as c:\n    print(*(w.process.pid for w in c.workers), flush=True)\n    time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    pids = [int(p) for p in parent.stdout.readline().split()]

    def alive(pid):
        try:
            with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123
                return file.read().rsplit(")", 1)[1].split()[0] != "Z"
        except OSError:
            return False

    def catches(pid, number):
        caught = Path(f"/proc/{pid}/status").read_text().split("SigCgt:")[1].split()[0]
        return int(caught, 16) >> (number - 1) & 1

    assert len(pids) == 2 and all(map(alive, pids))
    if sys.platform == "linux":
        # One that is stopped does not notice that its input has ended. First it is ready: it catches SIGTERM.
        while not catches(pids[0], signal.SIGTERM):
            time.sleep(0.01)
        os.kill(pids[0], signal.SIGSTOP)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    limit = time.monotonic() + 30
    while any(map(alive, pids)) and time.monotonic() < limit:
        time.sleep(0.05)
    assert not any(map(alive, pids))
