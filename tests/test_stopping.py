"""Ctrl-C and SIGTERM: obeyed at any moment by the command, and Python's own in a program of the user's."""

import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from made import blobs
from safetensors.numpy import load_file

import latente
from latente import stopping

LISTENS = """
import os, signal, sys, time
from latente import stopping
stopping.ALLOWED = 1000
stopping.listen(lambda code: f"ended with {code}")
"""
READY = "print('ready', flush=True)\n"


pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("heard")]


def program(body):
    """A process that listens, once it has said that it is ready: what a test sets must be set before a signal comes."""
    process = subprocess.Popen(
        [sys.executable, "-c", LISTENS + body], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_work_that_asks_stops_where_it_asks(number, code):
    process = program(
        READY + "try:\n    while True: stopping.check()\nexcept KeyboardInterrupt as first:\n    print(first.code)\n"
        "try: stopping.check()\nexcept KeyboardInterrupt: print('again')\nsys.exit(0)"
    )
    process.send_signal(number)
    said, wrong = process.communicate(timeout=30)
    assert (process.returncode, said, wrong) == (code, f"{code}\nagain\n", "")


def test_work_that_never_asks_is_ended_with_what_it_has():
    process = program(
        "stopping.ALLOWED = 0.3\ndef lost(): raise OSError\n"
        "with stopping.keeping(lambda: print('kept', flush=True)), stopping.keeping(lost):\n"
        f"    {READY}    while True: pass"
    )
    process.send_signal(signal.SIGTERM)
    said, wrong = process.communicate(timeout=30)
    assert (process.returncode, said, wrong) == (143, "kept\n", "ended with 143\n")


def test_a_second_signal_ends_at_once():
    process = program(READY + "while not stopping.exit_code(): pass\nprint('heard', flush=True)\nwhile True: pass")
    process.send_signal(signal.SIGTERM)
    assert process.stdout.readline() == "heard\n"
    process.send_signal(signal.SIGINT)
    _, wrong = process.communicate(timeout=30)
    assert (process.returncode, wrong) == (130, "ended with 130\n")


def test_a_signal_that_is_ignored_stays_ignored():
    body = LISTENS + READY + "time.sleep(0.6)\nstopping.check()"
    process = subprocess.Popen(
        ["sh", "-c", 'trap "" INT; exec "$0" -c "$1"', sys.executable, body],
        stdout=subprocess.PIPE,
    )
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0


@pytest.mark.slow
def test_in_a_program_of_the_users_it_is_pythons_keyboard_interrupt(tiny, tmp_path):
    before = [signal.getsignal(n) for n in stopping.SIGNALS]

    def interrupt(epoch):
        signal.raise_signal(signal.SIGINT)

    model, checkpoint = latente.VAE(2, hidden=(8,)), tmp_path / "checkpoint.safetensors"
    with pytest.raises(KeyboardInterrupt) as raised:
        latente.fit(model, tiny, epochs=3, checkpoint=checkpoint, on_epoch=interrupt)
    assert type(raised.value) is KeyboardInterrupt and stopping.exit_code() == 0
    assert [signal.getsignal(n) for n in stopping.SIGNALS] == before
    # The epoch that was whole is kept, and gone on with.
    assert load_file(checkpoint)["history.loss"].shape == (1,)
    numbers = []
    latente.fit(model, tiny, epochs=3, checkpoint=checkpoint, on_epoch=lambda e: numbers.append(e.number))
    assert numbers == [2, 3]


STUDY = """
[runs.vae]
preset = "VAE"
hidden = [8]
train = { epochs = 150, batch_size = 16 }
[runs.ae]
preset = "AE"
latent_dim = 2
hidden = [8]
train = { epochs = 20, batch_size = 16 }
"""


@pytest.mark.slow
@pytest.mark.parametrize(("jobs", "signals"), [("1", 2), ("2", 2)])
def test_every_signal_is_obeyed_and_costs_nothing_that_was_done(jobs, signals, tmp_path):
    x, y = blobs(200, (6, 5))
    np.savez(tmp_path / "pictures.npz", x=x, y=y)
    (tmp_path / "study.toml").write_text(STUDY)

    def begin(out):
        command = [sys.executable, "-m", "latente", "run", "study.toml", "--data", "pictures.npz", "--quiet"]
        return subprocess.Popen(
            [*command, "--jobs", jobs, "--resume", "--out", out],
            cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    began = time.monotonic()
    whole = begin("whole")
    assert whole.communicate()[1] == "" and whole.returncode == 0
    lasts = time.monotonic() - began
    rng = random.Random(int(jobs))
    for number, code in [(signal.SIGINT, 130), (signal.SIGTERM, 143)] * (signals // 2):
        process = begin("broken")
        # Python itself starts before that, and dies of a signal.
        time.sleep(rng.uniform(0.1, 0.8) * lasts)
        if process.poll() is not None:
            # It resumed to its end before the signal; begin anew.
            assert process.returncode == 0
            (tmp_path / "broken").rename(tmp_path / f"done-{time.monotonic_ns()}")
            continue
        began = time.monotonic()
        process.send_signal(number)
        said = process.communicate(timeout=60)[1]
        # By the signal itself where Python only begins or has nothing left to do, which a shell tells as the same code.
        assert process.returncode in (code, -number), said
        assert "Traceback" not in said and said.count("\n") <= 1
        assert time.monotonic() - began < 30
    last = begin("broken")
    assert last.communicate()[1] == "" and last.returncode == 0
    for run in ("vae", "ae"):
        a, b = (
            (tmp_path / d / "runs" / run / "seed-0" / "weights.safetensors").read_bytes() for d in ("whole", "broken")
        )
        assert a == b
