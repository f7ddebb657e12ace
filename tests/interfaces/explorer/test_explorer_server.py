"""The server's answers are Python's, and whatever is sent to it, it answers with a clear status and goes on."""

import io
import json
import socket
import struct
import threading
import zlib

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from latente.errors import SpecError
from latente.interfaces.explorer import codes, program, serve, wire
from latente.interfaces.explorer.guard import MAX_BODY, is_loopback
from latente.interfaces.explorer.page import SCRIPTS

from .browser import Client


def floats(array):
    return np.asarray(array, "<f4").tobytes()


def alive(ask, vae):
    """The server still decodes rightly."""
    status, _, body = ask("POST", "/api/decode?run=0", floats([[0.5, -0.5]]))
    assert status == 200
    z = np.array([[0.5, -0.5]], np.float32)
    np.testing.assert_allclose(np.frombuffer(body, "<f4"), vae.decode(z).ravel(), atol=1e-5)


def test_decoding_encoding_and_examples_are_pythons(ask, vae, wide, data):
    z = np.random.default_rng(0).normal(size=(70, 4)).astype(np.float32)
    status, _, body = ask("POST", "/api/decode?run=1", floats(z))
    assert status == 200
    np.testing.assert_allclose(np.frombuffer(body, "<f4").reshape(-1, *data.shape), wide.decode(z), atol=1e-5)
    drawn = ask("POST", "/api/decode?run=1&as=drawn", floats(z))[2]
    assert np.abs(np.frombuffer(drawn, np.uint8) - 255.0 * wide.decode(z).ravel()).max() <= 0.51
    x = data.values(data.test.x[:5])
    _, found = wire.unpack(ask("POST", "/api/encode?run=0", floats(x))[2])
    log_var = codes.encode(vae.model, x)[1]
    np.testing.assert_allclose(found["mean"], vae.encode(x), atol=1e-5)
    np.testing.assert_allclose(found["log_var"], log_var, atol=1e-5)
    np.testing.assert_allclose(found["score"], codes.scores(vae.model, x), rtol=1e-4)
    raw = ask("GET", "/api/examples?run=0&split=test&index=4,0,4")[2]
    np.testing.assert_array_equal(np.frombuffer(raw, np.uint8).reshape(-1, *data.shape), data.test.x[[4, 0, 4]])
    _, near = wire.unpack(ask("POST", "/api/nearest?run=0&count=3", floats(data.values(data.train.x[9])))[2])
    assert near["index"][0] == 9 and near["distance"][0] < 1e-3 and near["labels"][0] == data.train.y[9]


def test_the_program_that_is_handed_out_is_the_decoder(ask, vae):
    meta, arrays = wire.unpack(ask("GET", "/api/program?run=0")[2])
    found = program.Program(2, 56, meta["decoder"]["steps"], arrays)
    z = np.random.default_rng(4).normal(size=(9, 2)).astype(np.float32)
    np.testing.assert_allclose(program.evaluate(found, z).reshape(-1, *vae.model.shape), vae.decode(z), atol=2e-6)


def test_runs_scene_fitted_and_progress(ask, vae, data):
    assert [r["name"] for r in json.loads(ask("GET", "/api/runs")[2])] == ["vae", "wide"]
    meta, arrays = wire.unpack(ask("GET", "/api/scene?run=0&split=test")[2])
    assert meta["n"] == len(data.test)
    np.testing.assert_allclose(arrays["codes"], vae.encode(data.test.x), atol=1e-5)
    _, fitted = wire.unpack(ask("GET", "/api/fitted?run=0")[2])
    assert fitted["weights"].sum() == pytest.approx(1, abs=1e-5)
    meta, arrays = wire.unpack(ask("GET", "/api/progress?run=0")[2])
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


def png(width, height, raw):
    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", raw) + chunk(b"IEND", b"")


def test_pictures_of_every_damage(ask, vae):
    image = Image.fromarray(np.arange(56, dtype=np.uint8).reshape(8, 7))
    out = io.BytesIO()
    image.save(out, "PNG")
    whole = out.getvalue()
    _, found = wire.unpack(ask("POST", "/api/picture", whole)[2])
    np.testing.assert_array_equal(found["pixels"][..., 0], np.asarray(image))
    assert (found["pixels"][..., 3] == 255).all()
    # 400 million pixels in half a megabyte, and 90 million in less.
    bombs = [png(20000, 20000, zlib.compress(bytes(10**7), 9)), png(9500, 9500, zlib.compress(bytes(10**6), 9))]
    for raw, says in [(b, b"pixels") for b in bombs] + [
        (whole[: len(whole) // 2], b"image"), (whole[:40], b"image"), (whole[:20], b"image"),
        (png(7, 8, b"not deflate"), b"image"), (whole.replace(b"IHDR", b"IHDX"), b"image"),
    ]:  # fmt: skip
        status, _, text = ask("POST", "/api/picture", raw)
        assert status == 422 and says in text and b"\n" not in text, text
    large = io.BytesIO()
    Image.new("RGB", (3000, 100), "red").save(large, "JPEG")
    _, found = wire.unpack(ask("POST", "/api/picture", large.getvalue())[2])
    assert found["pixels"].shape[1] <= 512 and abs(int(found["pixels"][0, 0, 0]) - 254) < 4
    alive(ask, vae)


def test_bodies_are_limited_by_what_they_say_and_by_what_they_are(served, ask, vae):
    status, _, text = ask("POST", "/api/picture", b"x", {"Content-Length": str(MAX_BODY + 1)})
    assert status == 413 and b"16 MiB" in text
    status, _, _ = ask("POST", "/api/picture", b"x", {"Content-Length": "-5"})
    assert status in (400, 413)
    host, port = ask.address.hostname, ask.address.port
    with socket.create_connection((host, port), timeout=20) as raw:
        raw.sendall(f"POST /api/picture HTTP/1.1\r\nHost: {host}:{port}\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        piece = b"100000\r\n" + bytes(0x100000) + b"\r\n"
        try:
            for _ in range(18):
                raw.sendall(piece)
        except OSError:
            pass
        assert b" 413 " in raw.recv(200).split(b"\r\n")[0]
    alive(ask, vae)


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


def test_only_this_machine_and_our_own_page_are_answered(ask, vae):
    port = ask.address.port
    for host in ("evil.example", f"evil.example:{port}", "127.0.0.1.evil.example", "", "localhost.evil.example"):
        assert ask("GET", "/api/runs", headers={"Host": host})[0] in (400, 403)
    for host in (f"localhost:{port}", f"127.0.0.1:{port}", "[::1]:80"):
        assert ask("GET", "/api/runs", headers={"Host": host})[0] == 200
    for origin in ("http://evil.example", "null", f"https://127.0.0.1:{port}", f"http://127.0.0.1:{port + 1}"):
        assert ask("POST", "/api/decode?run=0", floats([[0, 0]]), {"Origin": origin})[0] == 403
    assert ask("POST", "/api/decode?run=0", floats([[0, 0]]), {"Origin": f"http://127.0.0.1:{port}"})[0] == 200
    for site in ("cross-site", "same-site"):
        assert ask("GET", "/api/scene?run=0", headers={"Sec-Fetch-Site": site})[0] == 403
    assert ask("GET", "/", headers={"Sec-Fetch-Site": "cross-site"})[0] == 200
    alive(ask, vae)


def test_every_answer_carries_the_policy(ask):
    for method, path in (("GET", "/"), ("GET", "/api/runs"), ("GET", "/nowhere"), ("POST", "/api/decode")):
        headers = ask(method, path)[1]
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'sha256-") and "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "no-referrer"


def test_beyond_loopback_there_is_a_token(vae):
    server = serve(vae, host="0.0.0.0", port=0)
    try:
        token = server.url.split("?token=")[1]
        assert len(token) >= 32
        ask = Client(f"http://127.0.0.1:{server.url.split(':')[2].split('/')[0]}/")
        assert ask("GET", "/")[0] == 401
        assert ask("GET", "/api/runs")[0] == 401
        assert ask("GET", "/api/runs", headers={"X-Latente-Token": token[:-1] + "é"})[0] in (400, 401)
        assert ask("GET", f"/?token={token}")[0] == 200
        assert ask("GET", "/api/runs", headers={"X-Latente-Token": token})[0] == 200
        assert ask("GET", "/api/runs", headers={"X-Latente-Token": token, "Host": "a.name"})[0] == 200
    finally:
        server.stop()


def test_loopback_is_told_from_the_rest():
    assert all(map(is_loopback, ("127.0.0.1", "::1", "localhost", "127.8.8.8")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "192.168.0.3", "example.org", "")))


def test_a_port_that_is_taken(served, vae):
    port = int(served.url.rstrip("/").split(":")[2])
    with pytest.raises(SpecError, match="choose another"):
        serve(vae, port=port)
    with pytest.raises(SpecError, match="allowed: 0 to 65535"):
        serve(vae, port=70000)


def test_labels_cannot_leave_the_page(ask):
    text = ask("GET", "/")[2].decode()
    assert text.count("<script") == 3 and "onerror" not in text and "innerHTML" not in text
    assert len(SCRIPTS) == len(set(SCRIPTS))
