"""The notebook's callback, with and without IPython."""

import sys
import types

import numpy as np
import pytest

import latente
from latente.errors import SpecError


def test_it_draws_every_so_many_epochs_and_says_the_numbers(tiny, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "IPython", None)
    monkeypatch.setitem(sys.modules, "IPython.display", None)
    callback = latente.ReconstructionCallback(tiny.validation.x[:4], every=2, lang="pt")
    run = latente.fit(latente.VAE(2, hidden=(8,)), tiny, epochs=3, batch_size=64, on_epoch=callback)
    out = capsys.readouterr().out
    assert out.count("\n") == 1 and "2/3" in out and f"loss {run.history['loss'][1]:.4f}" in out
    assert callback.figure is not None and callback.figure.get_axes()


def test_in_a_notebook_the_last_picture_is_replaced(tiny, monkeypatch):
    shown = []
    fake = types.ModuleType("IPython.display")
    fake.Image = lambda data: data
    fake.clear_output = lambda wait: shown.append("clear")
    fake.display = shown.append
    package = types.ModuleType("IPython")
    package.version_info = (9, 0)  # matplotlib asks for it
    monkeypatch.setitem(sys.modules, "IPython", package)
    monkeypatch.setitem(sys.modules, "IPython.display", fake)
    callback = latente.ReconstructionCallback()
    latente.fit(latente.VAE(2, hidden=(8,)), tiny, epochs=2, batch_size=64, on_epoch=callback)
    assert [s if s == "clear" else s[:4] for s in shown] == ["clear", b"\x89PNG"] * 2


def test_it_refuses_what_it_cannot_draw(tiny):
    with pytest.raises(SpecError, match="every: got 0"):
        latente.ReconstructionCallback(every=0)
    table = latente.load_data(np.random.default_rng(0).uniform(size=(300, 4)))
    with pytest.raises(SpecError, match="these examples are no images"):
        latente.fit(latente.VAE(2, hidden=(8,)), table, epochs=1, on_epoch=latente.ReconstructionCallback())
