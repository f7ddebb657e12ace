"""Who is answered, how much may be sent, and the headers of every answer."""

import socket
import time

import numpy as np
import pytest
from client import Client, alive, floats

from latente.explorer import security, serve
from latente.explorer.security import MAX_BODY, is_loopback


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


@pytest.mark.usefixtures("server_extra")
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
