"""Connections that are many, or slow."""

import contextlib
import socket
import time

import pytest
from client import alive

pytest.importorskip("uvicorn", reason="the explorer's server is an optional extra")

from latente.explorer import connections


def half_open(ask, said=b"GET / HTTP/1.1\r\nHost: a\r\nX: "):
    connection = socket.create_connection((ask.address.hostname, ask.address.port), timeout=20)
    connection.sendall(said)
    return connection


def test_who_opens_many_connections_keeps_nobody_from_an_answer(ask, vae, monkeypatch, capfd):
    monkeypatch.setattr(connections, "MOST", 20)
    monkeypatch.setattr(connections, "FAIR_SECONDS", 0.2)
    monkeypatch.setattr(connections, "HEAD_SECONDS", 60.0)
    many = [half_open(ask) for _ in range(40)]
    time.sleep(1.0)
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
