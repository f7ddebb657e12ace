"""Ctrl-C and SIGTERM: obeyed at any moment by the command, and Python's own in a program of the user's."""

import signal
import subprocess
import sys

import pytest
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
