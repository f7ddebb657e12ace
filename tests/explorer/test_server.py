"""The server's answers are Python's, and whatever is sent to it, it answers with a clear status and goes on."""

import contextlib
import io
import json
import socket
import struct
import threading
import time
import zlib
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from browser import Client

from latente.errors import SpecError
from latente.explorer import connections, latents, layer_program, packing, security, serve
from latente.explorer import server as explorer_server
from latente.explorer.build_page import SCRIPTS
from latente.explorer.security import MAX_BODY, is_loopback


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
    _, found = packing.unpack(ask("POST", "/api/encode?run=0", floats(x))[2])
    log_var = latents.encode(vae.model, x)[1]
    np.testing.assert_allclose(found["mean"], vae.encode(x), atol=1e-5)
    np.testing.assert_allclose(found["log_var"], log_var, atol=1e-5)
    np.testing.assert_allclose(found["score"], latents.scores(vae.model, x), rtol=1e-4)
    raw = ask("GET", "/api/examples?run=0&split=test&index=4,0,4")[2]
    np.testing.assert_array_equal(np.frombuffer(raw, np.uint8).reshape(-1, *data.shape), data.test.x[[4, 0, 4]])
    _, near = packing.unpack(ask("POST", "/api/nearest?run=0&count=3", floats(data.values(data.train.x[9])))[2])
    assert near["index"][0] == 9 and near["distance"][0] < 1e-3 and near["labels"][0] == data.train.y[9]


def test_the_program_that_is_handed_out_is_the_decoder(ask, vae):
    meta, arrays = packing.unpack(ask("GET", "/api/program?run=0")[2])
    found = layer_program.Program(2, 56, meta["decoder"]["steps"], arrays)
    z = np.random.default_rng(4).normal(size=(9, 2)).astype(np.float32)
    np.testing.assert_allclose(layer_program.evaluate(found, z).reshape(-1, *vae.model.shape), vae.decode(z), atol=2e-6)


def test_runs_scene_fitted_and_progress(ask, vae, data):
    assert [r["name"] for r in json.loads(ask("GET", "/api/runs")[2])] == ["vae", "wide"]
    meta, arrays = packing.unpack(ask("GET", "/api/scene?run=0&split=test")[2])
    assert meta["n"] == len(data.test)
    np.testing.assert_allclose(arrays["codes"], vae.encode(data.test.x), atol=1e-5)
    _, fitted = packing.unpack(ask("GET", "/api/fitted?run=0")[2])
    assert fitted["weights"].sum() == pytest.approx(1, abs=1e-5)
    meta, arrays = packing.unpack(ask("GET", "/api/progress?run=0")[2])
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
    _, found = packing.unpack(ask("POST", "/api/picture", whole)[2])
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
    _, found = packing.unpack(ask("POST", "/api/picture", large.getvalue())[2])
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


def test_bodies_of_all_requests_together_are_limited(ask, vae, monkeypatch):
    monkeypatch.setattr(security, "MAX_HELD", 3000)
    assert ask("POST", "/api/encode?run=0", floats(np.zeros((13, 56))))[0] == 200
    waits = half_open(
        ask, b"POST /api/encode?run=0 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2400\r\n\r\n" + bytes(2000)
    )
    with waits:
        deadline = time.monotonic() + 10
        while (status := ask("POST", "/api/encode?run=0", floats(np.zeros((13, 56))))[0]) == 200:
            assert time.monotonic() < deadline
        assert status == 503
        alive(ask, vae)
    # What it held is free again once it has gone.
    deadline = time.monotonic() + 10
    while ask("POST", "/api/encode?run=0", floats(np.zeros((13, 56))))[0] != 200:
        assert time.monotonic() < deadline


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


def half_open(ask, said=b"GET / HTTP/1.1\r\nHost: a\r\nX: "):
    connection = socket.create_connection((ask.address.hostname, ask.address.port), timeout=20)
    connection.sendall(said)
    return connection


def test_who_opens_many_connections_keeps_nobody_from_an_answer(ask, vae, monkeypatch, capfd):
    monkeypatch.setattr(connections, "MOST", 20)
    monkeypatch.setattr(connections, "FAIR_SECONDS", 0.2)
    monkeypatch.setattr(connections, "HEAD_SECONDS", 60.0)
    many = [half_open(ask) for _ in range(40)]
    time.sleep(0.4)
    began = time.monotonic()
    for _ in range(20):
        alive(ask, vae)
    assert time.monotonic() - began < 10
    # The first were as many as are allowed; all others were refused, or made room for those that were answered.
    answers = []
    for connection in many:
        connection.settimeout(0.05)
        try:
            answers.append(connection.recv(100)[:12])
        except TimeoutError:
            answers.append(None)
        except OSError:
            answers.append(b"")
        connection.close()
    assert answers.count(b"HTTP/1.1 503") >= 20 and answers.count(None) < 20
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("said", "limit"),
    [
        (b"", "HEAD_SECONDS"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: ", "HEAD_SECONDS"),
        (b"POST /api/decode HTTP/1.1\r\nHost: localhost\r\nContent-Length: 8\r\n\r\n1", "BODY_SECONDS"),
    ],
    ids=["nothing", "half a head", "half a body"],
)
def test_who_is_slow_is_left(served, ask, vae, said, limit, monkeypatch, capfd):
    monkeypatch.setattr(connections, limit, 0.3)
    with half_open(ask, said) as connection:
        began = time.monotonic()
        with contextlib.suppress(ConnectionResetError):
            assert connection.recv(100) == b""
        assert 0.2 < time.monotonic() - began < 15
    alive(ask, vae)
    assert capfd.readouterr().err == ""


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


@pytest.mark.parametrize("host", ["", "no.such.name.invalid", "." * 80, "a b", "256.1.1.1"])
def test_a_host_that_is_none_is_told_in_one_line(vae, host):
    with pytest.raises(SpecError, match="allowed: an address or a name of this machine"):
        serve(vae, host=host, port=0)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read in /proc")
def test_large_pictures_are_read_one_at_a_time(ask, vae):
    out = io.BytesIO()
    Image.new("P", (8000, 5000), 3).save(out, "PNG")

    def resident():
        return int(Path("/proc/self/status").read_text().split("VmRSS:")[1].split()[0]) / 1024

    before, peak, found = resident(), 0.0, []
    senders = [
        threading.Thread(target=lambda: found.append(ask("POST", "/api/picture", out.getvalue())[0])) for _ in range(4)
    ]
    for sender in senders:
        sender.start()
    while any(sender.is_alive() for sender in senders):
        peak = max(peak, resident())
        time.sleep(0.002)
    assert found == [200] * 4
    assert 30 < peak - before < 500


def test_a_picture_is_what_one_sees(ask):
    def pixels(image, form="PNG", **options):
        out = io.BytesIO()
        image.save(out, form, **options)
        return packing.unpack(ask("POST", "/api/picture", out.getvalue())[2])[1]["pixels"]

    ramp = np.linspace(0, 65535, 56).round().astype(np.uint16).reshape(8, 7)
    np.testing.assert_array_equal(pixels(Image.fromarray(ramp))[..., 0], np.round(ramp / 257))
    bits = np.arange(56).reshape(8, 7) % 2 == 0
    np.testing.assert_array_equal(pixels(Image.fromarray(bits))[..., 1], 255 * bits)
    grey = Image.fromarray(np.arange(56, dtype=np.uint8).reshape(8, 7))
    exif = Image.Exif()
    for orientation, turned in ((6, np.rot90(np.asarray(grey), -1)), (3, np.rot90(np.asarray(grey), 2))):
        exif[0x0112] = orientation
        np.testing.assert_array_equal(pixels(grey, exif=exif)[..., 2], turned)


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
