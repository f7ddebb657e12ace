"""What is seen while a study trains: plain lines, a bar on a terminal, nothing with --quiet; and where it stops."""

import io

import pytest

import latente
from latente import stopping
from latente.cli import progress
from latente.language.message import Message
from latente.spec import RunSpec, TrainSpec
from latente.training.fit import EpochNumbers

LOGS = {"loss": 45.8, "reconstruction": 45.085, "kl": 0.715, "val_loss": 45.4375}


class Terminal(io.StringIO):
    def isatty(self):
        return True


def epoch(number, name="vae", seed=0, epochs=3):
    """An epoch of 256 examples in an eighth of a second."""
    return EpochNumbers(RunSpec(name, seed, latente.VAE(2), TrainSpec(epochs=epochs)), number, epochs, LOGS, 256, 0.125)


@pytest.fixture
def clock(monkeypatch):
    """Seconds, moved on by hand."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_lines_are_the_first_and_the_last_epoch_and_one_a_second(clock):
    out = io.StringIO()
    with progress.watching(quiet=False, lang="en", stream=out) as watch:
        watch.on_stage(Message("progress.training"), epoch(1).run)
        for number, later in ((1, 0.0), (2, 0.5), (3, 0.6), (4, 0.5), (5, 0.1)):
            clock[0] += later
            watch.on_epoch(epoch(number, epochs=5))
        watch.on_stage(Message("progress.reporting"), None)
    numbers = "loss 45.80  recon 45.09  KL 0.71  val 45.44  2,048/s"
    assert out.getvalue().splitlines() == [
        "vae: training",
        f"  vae: epoch 1/5  {numbers}",
        f"  vae: epoch 3/5  {numbers}",
        f"  vae: epoch 5/5  {numbers}",
        "comparing the runs, drawing the figures and writing the report",
    ]


def test_each_seed_has_its_lines_in_portuguese(clock):
    out = io.StringIO()
    with progress.watching(quiet=False, lang="pt", stream=out) as watch:
        for seed in (0, 3):
            watch.on_epoch(epoch(1, "a", seed))
            watch.on_epoch(epoch(2, "a", seed))
    numbers = "perda 45,80  recon. 45,09  KL 0,71  val. 45,44  2.048/s"
    assert out.getvalue().splitlines() == [
        f"  a: época 1/3  {numbers}", f"  a, semente 3: época 1/3  {numbers}",
    ]  # fmt: skip


def test_nothing_is_seen_where_it_is_quiet(capsys):
    with progress.watching(quiet=True) as watch:
        watch.on_stage(Message("progress.training"), epoch(1).run)
        watch.on_epoch(epoch(1))
        watch.on_done(epoch(1).run)
    with progress.counting() as count:
        count("nll", 3, 10)
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


def test_on_a_terminal_the_last_numbers_of_a_finished_run_stay(monkeypatch):
    monkeypatch.setenv("COLUMNS", "150")
    monkeypatch.setenv("TERM", "xterm")
    out = Terminal()
    with progress.watching(quiet=False, lang="en", stream=out) as watch:
        watch.on_stage(Message("progress.training"), epoch(1, "vae").run)
        watch.on_epoch(epoch(3, "vae"))
        watch.on_done(epoch(3, "vae").run)
    assert "vae: loss 45.80  recon 45.09  KL 0.71  val 45.44  2,048/s\n" in out.getvalue().replace("\r", "")


@pytest.mark.parametrize("quiet", [False, True])
def test_a_signal_is_obeyed_after_an_epoch_and_a_stage(monkeypatch, quiet):
    monkeypatch.setattr(stopping, "_asked", 15)
    monkeypatch.setattr(stopping, "_obeyed", False)
    with progress.watching(quiet=quiet, stream=io.StringIO()) as watch:
        for call in (lambda: watch.on_epoch(epoch(1)), lambda: watch.on_stage("", None)):
            with pytest.raises(stopping.Stopped) as stopped:
                call()
            assert stopped.value.code == 128 + 15
