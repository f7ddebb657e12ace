"""Where the server listens, what a notebook gets, and the command line."""

import base64
import re
import socket
import sys
from urllib.parse import urlsplit

import numpy as np
import pytest
from client import Client
from packed import unpack

from latente import VAE
from latente.errors import SpecError
from latente.explorer import launch, serve
from latente.explorer.security import is_loopback


@pytest.mark.usefixtures("server_extra")
@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "::1", "0.0.0.0", "::", "this machine"])
def test_the_address_that_is_printed_is_one_that_answers(vae, host):
    host = socket.gethostname() if host == "this machine" else host
    try:
        family = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family) as free:
            free.bind((host, 0))
    except OSError:
        pytest.skip(f"{host} is no address of this machine")
    server = serve(vae, host=host, port=0)
    try:
        split = urlsplit(server.url)
        assert Client(server.url)("GET", f"/?{split.query}")[0] == 200
        assert Client(server.url)("GET", f"/api/runs?{split.query}")[0] == 200
        assert bool(split.query) is not is_loopback(host)
    finally:
        server.stop()


@pytest.mark.usefixtures("server_extra")
@pytest.mark.parametrize("host", ["", "no.such.name.invalid", "." * 80, "a b", "256.1.1.1"])
def test_a_host_that_is_none_is_told_in_one_line(vae, host):
    with pytest.raises(SpecError, match="allowed: an address or a name of this machine"):
        serve(vae, host=host, port=0)


def test_a_port_that_is_taken(served, vae):
    port = int(served.url.rstrip("/").split(":")[2])
    with pytest.raises(SpecError, match="choose another"):
        serve(vae, port=port)
    with pytest.raises(SpecError, match="allowed: 0 to 65535"):
        serve(vae, port=70000)


def test_a_notebook_gets_the_page_itself(vae, monkeypatch):
    monkeypatch.setitem(sys.modules, "anywidget", None)
    shown = launch.explore(vae, lang="en")
    text = shown._repr_html_()
    assert text.startswith("<iframe srcdoc=") and 'sandbox="allow-scripts allow-downloads"' in text
    assert text.count("<") == 2


def test_without_the_extra_it_says_what_to_install(vae, monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(SpecError, match=r"explore needs uvicorn.*pip install 'latente\[explorer\]'"):
        launch.serve(vae, port=0)


@pytest.mark.slow
def test_the_command_line_writes_a_file_and_says_what_is_wrong_in_one_line(tmp_path, capsys):
    from latente import load_data
    from latente.cli.main import main
    from latente.evaluation.run import fit

    rng = np.random.default_rng(0)
    np.savez(tmp_path / "d.npz", x=(255 * rng.uniform(size=(120, 6, 5))).astype(np.uint8))
    run = fit(VAE(latent_dim=2, hidden=(8,)), load_data(str(tmp_path / "d.npz")), epochs=1, batch_size=32)
    run.save(tmp_path / "run")
    assert main(["explore", str(tmp_path / "run"), "--export", str(tmp_path / "p.html"), "--split", "all"]) == 0
    assert "p.html written" in capsys.readouterr().out
    blob = re.search(r'id="blob-run-0">([^<]*)<', (tmp_path / "p.html").read_text(encoding="utf-8"))[1]
    meta, arrays = unpack(base64.b64decode(blob))
    assert meta["n"] == len(arrays["codes"]) == 120 and "labels" not in arrays
    for wrong in (["explore"], ["explore", str(tmp_path)], ["explore", str(tmp_path / "run"), "--split", "x"]):
        assert main(wrong) == 2
        assert capsys.readouterr().err.count("\n") == 1
