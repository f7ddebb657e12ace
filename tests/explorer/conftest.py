"""Small trained runs, a server of them, the same as a file, and a browser where one is installed."""

import numpy as np
import pytest
from browser import HOSTILE, Browser, executable
from client import Client

from latente import AE, VAE
from latente.data.source import make_source
from latente.data.split import split_source
from latente.evaluation.run import fit
from latente.explorer import packing
from latente.explorer.run_view import RunView


def images(n=300, shape=(8, 7), seed=0):
    """Grey images of three patterns, and their labels: names that a careless page would run."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    patterns = rng.uniform(0, 1, (3, *shape)) * (rng.uniform(size=(3, *shape)) > 0.4)
    patterns[:, 0] = patterns[:, -1] = patterns[:, :, 0] = patterns[:, :, -1] = 0
    x = np.clip(patterns[y] + 0.1 * rng.normal(size=(n, *shape)) * (patterns[y] > 0), 0, 1)
    return (255 * x).astype(np.uint8), np.array(HOSTILE)[y]


@pytest.fixture(scope="session")
def data():
    return split_source(make_source("odd <b>data</b>", *images()))


@pytest.fixture(scope="session")
def vae(data):
    return fit(VAE(latent_dim=2, hidden=(16, 12)), data, epochs=20, batch_size=32, name="vae")


@pytest.fixture(scope="session")
def wide(data):
    return fit(VAE(latent_dim=4, hidden=(16,)), data, epochs=15, batch_size=32, name="wide")


@pytest.fixture(scope="session")
def ae(data):
    return fit(AE(latent_dim=3, hidden=(16,), code_activation="linear"), data, epochs=5, batch_size=32, name="ae")


@pytest.fixture(scope="session")
def server_extra():
    pytest.importorskip("starlette", reason="the explorer's server is an optional extra")
    pytest.importorskip("uvicorn", reason="the explorer's server is an optional extra")


@pytest.fixture(scope="session")
def served(vae, wide, server_extra):
    from latente.explorer import serve

    server = serve(vae, wide, port=0, lang="en")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def ask(served):
    return Client(served.url)


@pytest.fixture(scope="session")
def written(vae, wide, tmp_path_factory):
    from latente.explorer import export_page

    return export_page([vae, wide], tmp_path_factory.mktemp("page") / "page.html", lang="en")


@pytest.fixture(scope="session")
def browser():
    if executable() is None:
        pytest.skip("no Chromium is installed (apt-get install chromium)")
    pytest.importorskip("websocket", reason="websocket-client is not installed")
    running = Browser()
    yield running
    running.close()


@pytest.fixture(params=["server", "file"])
def page(request, browser, monkeypatch):
    """The page, from the server and as a file; afterwards: no console error, and nothing asked of anybody else.

    "asking" is the server's page with a model that it cannot decode by itself.
    """
    if request.param == "asking":
        monkeypatch.setattr(RunView, "program", packing.pack({"decoder": None}, {}))
    if request.param != "file":
        url = own = request.getfixturevalue("served").url
    else:
        url = own = request.getfixturevalue("written").as_uri()
    tab = browser.page()
    tab.asks = request.param == "asking"
    tab.kind, tab.url = "file" if request.param == "file" else "server", url
    tab.open(url)
    tab.until("!!document.getElementById('decoded').dataset.z")
    yield tab
    tab.drain()
    problems, requests = tab.problems, tab.requests
    tab.close()
    assert problems == []
    strangers = [r for r in requests if not r.startswith((own, "data:", "blob:"))]
    assert strangers == []
    assert request.param != "file" or not [r for r in requests if r.startswith("http")]
