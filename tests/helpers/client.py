"""What asks the explorer's server, and whether it still answers rightly."""

import http.client
from urllib.parse import urlsplit

import numpy as np


class Client:
    """One connection to the server, as a page or as somebody else would use it."""

    def __init__(self, url):
        self.address = urlsplit(url)

    def __call__(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection(self.address.hostname, self.address.port, timeout=30)
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        try:
            content = answer.read()
        except ConnectionResetError:
            # Of a request that is refused the server leaves the body unread, and TCP may reset the rest of the answer.
            content = b""
        connection.close()
        return answer.status, dict(answer.getheaders()), content


def floats(array):
    return np.asarray(array, "<f4").tobytes()


def alive(ask, vae):
    """The server still decodes rightly."""
    status, _, body = ask("POST", "/api/decode?run=0", floats([[0.5, -0.5]]))
    assert status == 200
    z = np.array([[0.5, -0.5]], np.float32)
    np.testing.assert_allclose(np.frombuffer(body, "<f4"), vae.decode(z).ravel(), atol=1e-5)
