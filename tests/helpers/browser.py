"""A headless Chromium over the DevTools protocol, and a plain client: just what these tests need."""

import base64
import json
import shutil
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

HOSTILE = ("<img src=x onerror=alert(1)>", '"><script>alert(2)</script>', '=1+1, "é" {{script}}')
"""Class names that a careless page would run."""
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--mute-audio",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--remote-allow-origins=*",
    "--disable-dev-shm-usage", "--remote-debugging-port=0", "--force-color-profile=srgb",
)  # fmt: skip


def executable():
    return next((found for name in NAMES if (found := shutil.which(name))), None)


class Browser:
    """One process; every `page` is a tab of its own with its own memory."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="latente-chromium-")
        self.process = subprocess.Popen(
            [executable(), *FLAGS, f"--user-data-dir={self.folder}", "about:blank"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        port_file = Path(self.folder) / "DevToolsActivePort"
        until = time.monotonic() + 30
        while not (port_file.exists() and port_file.read_text().count("\n")):
            if self.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError("Chromium did not start")
            time.sleep(0.05)
        self.port = int(port_file.read_text().split("\n")[0])

    def page(self, width=1280, height=800, **media):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/json/new?about:blank", method="PUT")
        with urllib.request.urlopen(request) as answer:
            return Page(json.load(answer)["webSocketDebuggerUrl"], width, height, media)

    def close(self):
        self.process.terminate()
        self.process.wait(10)
        shutil.rmtree(self.folder, ignore_errors=True)


class Page:
    """A tab. ``problems`` gathers console errors and exceptions, ``requests`` every address asked for."""

    def __init__(self, url, width, height, media):
        import websocket

        self.socket = websocket.create_connection(url, timeout=30, suppress_origin=True)
        self.number, self.problems, self.requests, self.events = 0, [], [], []
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.send(f"{domain}.enable")
        mobile = width < 600
        metrics = {"width": width, "height": height, "deviceScaleFactor": media.get("scale", 1), "mobile": mobile}
        self.send("Emulation.setDeviceMetricsOverride", **metrics)
        self.send("Emulation.setFocusEmulationEnabled", enabled=True)
        if mobile:
            self.send("Emulation.setTouchEmulationEnabled", enabled=True)
        features = [{"name": "prefers-color-scheme", "value": media.get("theme", "light")}]
        self.send("Emulation.setEmulatedMedia", features=features)

    def send(self, method, **params):
        self.number += 1
        mine = self.number
        self.socket.send(json.dumps({"id": mine, "method": method, "params": params}))
        while True:
            message = json.loads(self.socket.recv())
            if message.get("id") == mine:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']['message']}")
                return message["result"]
            self._event(message)

    def _event(self, message):
        method, params = message["method"], message["params"]
        if method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.problems.append(details.get("exception", {}).get("description", details["text"]))
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning"):
            self.problems.append(" ".join(str(a.get("value", a.get("description"))) for a in params["args"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.problems.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])

    def drain(self):
        """Take in what happened meanwhile."""
        self.send("Runtime.evaluate", expression="0")

    def open(self, url, ready="document.documentElement.dataset.ready"):
        self.send("Page.navigate", url=url)
        if ready:
            self.until(ready)

    def js(self, expression):
        """The value of an expression; of a promise, what it becomes."""
        found = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in found:
            details = found["exceptionDetails"]
            raise AssertionError(details.get("exception", {}).get("description", details["text"]))
        return found["result"].get("value")

    def until(self, expression, seconds=20):
        """Wait for an expression to be true; its value."""
        end = time.monotonic() + seconds
        while True:
            try:
                value = self.js(expression)
            except AssertionError:
                value = None
            if value:
                return value
            if time.monotonic() > end:
                notice = self.js("document.getElementById('notice')?.textContent")
                raise AssertionError(f"never true: {expression}; problems {self.problems}; notice {notice!r}")
            time.sleep(0.02)

    def box(self, selector):
        """Left, top, width and height of an element, brought into view."""
        return self.js(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            "e.scrollIntoView({block: 'nearest'});"
            "const r = e.getBoundingClientRect(); return [r.left, r.top, r.width, r.height]; })()"
        )

    def mouse(self, kind, x, y, buttons=0, **more):
        button = "left" if buttons or kind == "mouseReleased" else "none"
        clicks = 1 if kind != "mouseMoved" else 0
        self.send(
            "Input.dispatchMouseEvent", type=kind, x=x, y=y, button=button, buttons=buttons, clickCount=clicks, **more
        )

    def drag(self, *points, **more):
        """Press at the first point, move over the others, release at the last."""
        self.mouse("mouseMoved", *points[0], **more)
        self.mouse("mousePressed", *points[0], buttons=1, **more)
        for point in points[1:]:
            self.mouse("mouseMoved", *point, buttons=1, **more)
        self.mouse("mouseReleased", *points[-1], **more)

    def click(self, selector):
        x, y, w, h = self.box(selector)
        self.drag((x + w / 2, y + h / 2))

    def key(self, key, code=None, modifiers=0, text=None):
        for kind in ("keyDown", "keyUp"):
            more = {"text": text} if text and kind == "keyDown" else {}
            names = {"key": key, "code": code or key, "modifiers": modifiers}
            virtual = {"Enter": 13, "Tab": 9, "Escape": 27}.get(key)
            if virtual:
                names["windowsVirtualKeyCode"] = virtual
            self.send("Input.dispatchKeyEvent", type=kind, **names, **more)

    def pixels(self, selector):
        """Width, height and red bytes of a canvas, or of an example of three colours all of them."""
        return self.js(
            f"(() => {{ const c = document.querySelector({json.dumps(selector)});"
            "const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
            "return [c.width, c.height, Array.from({length: d.length / 4}, (_, i) => d[4 * i])]; })()"
        )

    def screenshot(self, path):
        path = Path(path)
        path.write_bytes(base64.b64decode(self.send("Page.captureScreenshot", format="png")["data"]))

    def close(self):
        self.socket.close()
