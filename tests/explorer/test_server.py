"""The server's answers are Python's, and whatever is sent to it, it answers with a clear status and goes on."""

import io
import json
import re
import threading

import numpy as np
import pytest
from client import alive, floats
from layers import evaluate
from packed import unpack
from PIL import Image

pytest.importorskip("uvicorn", reason="the explorer's server is an optional extra")

from latente import explorer
from latente.explorer import latents
from latente.explorer import server as explorer_server


@pytest.mark.slow
def test_decoding_encoding_and_examples_are_pythons(ask, vae, wide, data):
    z = np.random.default_rng(0).normal(size=(70, 4)).astype(np.float32)
    status, _, body = ask("POST", "/api/decode?run=1", floats(z))
    assert status == 200
    np.testing.assert_allclose(np.frombuffer(body, "<f4").reshape(-1, *data.shape), wide.decode(z), atol=1e-5)
    drawn = ask("POST", "/api/decode?run=1&as=drawn", floats(z))[2]
    assert np.abs(np.frombuffer(drawn, np.uint8) - 255.0 * wide.decode(z).ravel()).max() <= 0.51
    x = data.values(data.test.x[:5])
    _, found = unpack(ask("POST", "/api/encode?run=0", floats(x))[2])
    log_var = latents.encode(vae.model, x)[1]
    np.testing.assert_allclose(found["mean"], vae.encode(x), atol=1e-5)
    np.testing.assert_allclose(found["log_var"], log_var, atol=1e-5)
    np.testing.assert_allclose(found["score"], latents.scores(vae.model, x), rtol=1e-4)
    raw = ask("GET", "/api/examples?run=0&split=test&index=4,0,4")[2]
    np.testing.assert_array_equal(np.frombuffer(raw, np.uint8).reshape(-1, *data.shape), data.test.x[[4, 0, 4]])
    _, near = unpack(ask("POST", "/api/nearest?run=0&count=3", floats(data.values(data.train.x[9])))[2])
    assert near["index"][0] == 9 and near["distance"][0] < 1e-3 and near["labels"][0] == data.train.y[9]


def test_the_program_that_is_handed_out_is_the_decoder(ask, vae):
    meta, arrays = unpack(ask("GET", "/api/program?run=0")[2])
    z = np.random.default_rng(4).normal(size=(9, 2)).astype(np.float32)
    np.testing.assert_allclose(
        evaluate(meta["decoder"]["steps"], arrays, z).reshape(-1, *vae.model.shape), vae.decode(z), atol=2e-6
    )


def test_runs_scene_fitted_and_progress(ask, vae, data):
    assert [r["name"] for r in json.loads(ask("GET", "/api/runs")[2])] == ["vae", "wide"]
    meta, arrays = unpack(ask("GET", "/api/scene?run=0&split=test")[2])
    assert meta["n"] == len(data.test)
    np.testing.assert_allclose(arrays["codes"], vae.encode(data.test.x), atol=1e-5)
    _, fitted = unpack(ask("GET", "/api/fitted?run=0")[2])
    assert fitted["weights"].sum() == pytest.approx(1, abs=1e-5)
    meta, arrays = unpack(ask("GET", "/api/progress?run=0")[2])
    np.testing.assert_allclose(meta["history"]["loss"], vae.history["loss"], rtol=1e-5)
    np.testing.assert_array_equal(arrays["frames"], vae.frames)
    np.testing.assert_array_equal(arrays["originals"], data.validation.x[: arrays["frames"].shape[1]])


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("/api/decode?run=0", b"", "0 bytes"),
        ("/api/decode?run=0", b"123", "3 bytes; allowed: rows of 2"),
        ("/api/decode?run=0", floats([[1, 2, 3]]), "12 bytes"),
        ("/api/decode?run=0", floats([[1, np.nan]]), "NaN"),
        ("/api/decode?run=0", floats([[np.inf, 0]]), "infinite"),
        ("/api/decode?run=0", floats(np.zeros((8193, 2))), "at most 8192"),
        ("/api/decode?run=7", floats([[0, 0]]), "run: got 7"),
        ("/api/decode?run=-1", floats([[0, 0]]), "run: got '-1'"),
        ("/api/decode?run=%C2%B2", floats([[0, 0]]), "whole number"),
        ("/api/encode?run=0", floats(np.zeros(55)), "rows of 56"),
        ("/api/encode?run=0", floats(np.full(56, np.nan)), "NaN"),
        ("/api/nearest?run=0", floats(np.zeros(112)), "got 2 examples"),
        ("/api/picture", b"", "no image"),
        ("/api/picture", b"GIF89a but not really", "image"),
    ],
)
def test_a_wrong_body_is_a_clear_line(ask, vae, path, body, says):
    status, headers, text = ask("POST", path, body)
    assert status == 422 and says in text.decode() and b"\n" not in text
    assert headers["content-type"].startswith("text/plain")
    alive(ask, vae)


@pytest.mark.parametrize(
    "query", ["index=999999", "index=", "index=a", "index=1,-2", "index=1&split=tets", "split=../x"]
)
def test_a_wrong_question_is_a_clear_line(ask, query):
    status, _, text = ask("GET", f"/api/examples?run=0&{query}")
    assert status == 422 and b"allowed" in text.lower()


def test_unknown_places_and_methods(ask):
    assert ask("GET", "/../../etc/passwd")[0] == 404
    assert ask("GET", "/api/decode?run=0")[0] == 405
    assert ask("DELETE", "/")[0] == 405


@pytest.mark.slow
def test_a_thousand_requests_at_once(ask, vae):
    z = np.random.default_rng(1).normal(size=(1000, 2)).astype(np.float32)
    expected = vae.decode(z).reshape(1000, -1)
    wrong, done = [], []

    def one(i):
        try:
            status, _, body = ask("POST", "/api/decode?run=0", floats(z[i : i + 1]))
            fine = status == 200 and np.allclose(np.frombuffer(body, "<f4"), expected[i], atol=1e-5)
            (done if fine else wrong).append((i, status))
        except OSError as error:
            wrong.append((i, repr(error)))

    threads = [threading.Thread(target=one, args=(i,)) for i in range(1000)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert wrong == [] and len(done) == 1000
    alive(ask, vae)


@pytest.mark.slow
def test_bodies_of_any_bytes_are_one_line(ask, vae, capfd):
    rng = np.random.default_rng(0)
    out = io.BytesIO()
    Image.new("RGB", (9, 9), "red").save(out, "PNG")
    whole = {"decode": floats(rng.normal(size=(3, 2))), "encode": floats(rng.uniform(size=(2, 56)))}
    whole |= {"nearest": floats(rng.uniform(size=(1, 56))), "picture": out.getvalue()}
    queries = ("run=0", "run=9", "run=-1", "run=1e3", "run=", "count=0", "count=99999999", "as=drawn", "run=0&run=1")
    seen = set()
    for name, body in whole.items():
        for _ in range(60):
            raw = bytearray(body)
            for _ in range(int(rng.integers(0, 4))):
                raw[rng.integers(len(raw))] = rng.integers(256)
            cut = slice(int(rng.integers(0, len(raw))) if rng.random() < 0.3 else None)
            status, _, text = ask("POST", f"/api/{name}?{queries[rng.integers(len(queries))]}", bytes(raw[cut]))
            seen.add(status)
            assert status in (200, 422), (name, status, text)
            assert status == 200 or (b"\n" not in text and b"unexpected" not in text)
    for path in ("examples?index=1,,2", "examples?index=" + "9" * 30, "scene?split=%C4%B0"):
        assert ask("GET", f"/api/{path}")[0] == 422
    assert seen == {200, 422} and capfd.readouterr().err == ""
    alive(ask, vae)


def test_answers_are_bounded_by_the_size_of_examples(ask, monkeypatch):
    monkeypatch.setattr(explorer_server, "MAX_ANSWER", 10 * 56 * 4)
    assert ask("POST", "/api/decode?run=0", floats(np.zeros((10, 2))))[0] == 200
    status, _, text = ask("POST", "/api/decode?run=0", floats(np.zeros((11, 2))))
    assert (status, text) == (422, b"examples: got 11; allowed: at most 10 of this size in one answer; ask for fewer")
    assert ask("GET", "/api/examples?index=" + ",".join("0" * 11))[0] == 422


def test_the_map_of_paths_names_every_one():
    paths = re.findall(r"^(GET|POST) +(/\S*)", explorer.__doc__, re.M)
    assert paths == [(method, path) for method, path, _ in explorer_server.ROUTES]
