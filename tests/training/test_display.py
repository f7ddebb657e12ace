"""What is seen while a model trains."""

import io
import sys
import types

import pytest
from made import blobs

import latente

SMALL = {"hidden": (8,)}


X, Y = blobs(120, (6, 5))


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.slow
def test_fitting_shows_one_line_on_a_terminal_only(capsys, monkeypatch):
    data = latente.load_data(X)
    options = {"epochs": 2, "batch_size": 32}
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(sys, "stderr", Terminal())
    latente.fit(latente.VAE(2, **SMALL), data, **options)
    shown = sys.stderr.getvalue()
    assert shown.startswith("\rrun: compiling") and shown.count("\r") == 3
    assert "[######......] 0:" in shown and "[############] 0:00 left  run: epoch 2/2  loss" in shown
    assert shown.endswith("\n") and capsys.readouterr().out == ""
    monkeypatch.setattr(sys, "stderr", Terminal())
    epochs = []
    latente.fit(latente.VAE(2, **SMALL), data, on_epoch=epochs.append, **options)
    latente.fit(latente.VAE(2, **SMALL), data, progress=False, **options)
    assert sys.stderr.getvalue() == "" and len(epochs) == 2
    latente.fit(latente.VAE(2, **SMALL), data, on_epoch=epochs.append, progress=True, **options)
    assert sys.stderr.getvalue().count("\r") == 3 and len(epochs) == 4


@pytest.mark.slow
def test_in_a_notebook_one_view_is_replaced_and_nothing_is_printed(capsys, monkeypatch):
    shown = []
    handle = types.SimpleNamespace(update=shown.append)
    shell = types.SimpleNamespace(config={"IPKernelApp": {}})
    fake = types.ModuleType("IPython")
    fake.get_ipython = lambda: shell
    fake.display = types.ModuleType("IPython.display")
    fake.display.HTML = str
    fake.display.display = lambda html, display_id: shown.append(html) or handle
    monkeypatch.setitem(sys.modules, "IPython", fake)
    monkeypatch.setitem(sys.modules, "IPython.display", fake.display)
    latente.fit(latente.VAE(2, **SMALL), latente.load_data(X), epochs=3, batch_size=32)
    assert "compiling" in shown[0] and "width:0.0%" in shown[0]
    assert "epoch 1/3" in shown[1] and "width:33.3%" in shown[1] and "data:image/png" in shown[1]
    assert "epoch 3/3" in shown[-1] and "3 epochs in" in shown[-1] and "width:100.0%" in shown[-1]
    assert capsys.readouterr() == ("", "")
