"""The explorer's speed: first paint, frames while dragging, decode round trips, and the size of the exported file.

Usage: python benchmarks/explorer.py RUN [--out explorer.json]

RUN is a run with two latents; all parts of the full MNIST are 70,000 points. The map of a million points is that run's
codes repeated with noise. Chromium runs headless, without a GPU.
"""

from __future__ import annotations

import argparse
import http.client
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "helpers"))

from browser import Browser

from latente.explorer import launch, packing
from latente.explorer.catalogue import RunCatalogue

MILLION = 1_000_000
SECONDS = 3.0

# Milliseconds between frames while the pointer moves in circles, one move per frame.
DRAG = """
new Promise((done) => {
  const map = document.querySelector(".map"), r = map.getBoundingClientRect(), times = [];
  const x = r.left + r.width / 2, y = r.top + r.height / 2;
  const at = (k) => ({ clientX: x + 120 * Math.cos(k / 9), clientY: y + 90 * Math.sin(k / 9),
    bubbles: true, pointerId: 1, pointerType: "mouse", isPrimary: true, buttons: 1, shiftKey: SHIFT });
  map.setPointerCapture = () => {};
  map.dispatchEvent(new PointerEvent("pointerdown", at(0)));
  let k = 0;
  const step = (now) => {
    times.push(now);
    if (now - times[0] > SECONDS * 1000) {
      map.dispatchEvent(new PointerEvent("pointerup", at(k)));
      done(times.slice(1).map((t, i) => t - times[i]));
      return;
    }
    map.dispatchEvent(new PointerEvent("pointermove", at(++k)));
    requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
})
"""

# Milliseconds from requesting an image to having its bytes, one after the other, after a warm-up.
DECODE = """
(async () => {
  const times = [];
  for (let k = 0; k < 1100; k++) {
    const z = new Float32Array([Math.cos(k), Math.sin(k)]), from = performance.now();
    await (await fetch("/api/decode?run=0&as=drawn", { method: "POST", body: z })).arrayBuffer();
    if (k >= 100) times.push(performance.now() - from);
  }
  return times;
})()
"""

# Milliseconds from moving a slider to seeing the decoded image on its canvas.
SHOWN = """
(async () => {
  const slider = document.querySelector("[data-latent]"), canvas = document.getElementById("decoded"), times = [];
  const channel = new MessageChannel();
  const tick = () => new Promise((go) => { channel.port1.onmessage = go; channel.port2.postMessage(0); });
  for (let k = 0; k < 600; k++) {
    const before = canvas.dataset.z, from = performance.now();
    slider.value = 2 * Math.sin(k + 1);
    slider.dispatchEvent(new Event("input"));
    while (canvas.dataset.z === before) await tick();
    if (k >= 100) times.push(performance.now() - from);
  }
  return times;
})()
"""

# The time of the first frame that shows points, from the start of the navigation.
PAINTED = """
new Promise((done) => {
  const look = () => requestAnimationFrame(() => {
    if (document.querySelector(".holder[data-painted]")) requestAnimationFrame(() => done(performance.now()));
    else look();
  });
  look();
})
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    found = measure(arguments.run)
    text = json.dumps(found, indent=2)
    print(text)
    if arguments.out:
        arguments.out.write_text(text + "\n", encoding="utf-8")


def measure(run: Path) -> dict[str, Any]:
    catalogues: list[RunCatalogue] = []
    make = RunCatalogue.__init__

    def recorded(self: RunCatalogue, *arguments: Any) -> None:
        make(self, *arguments)
        catalogues.append(self)

    RunCatalogue.__init__ = recorded  # type: ignore[method-assign]
    server = launch.serve(run, split="all", port=0)
    view = catalogues[0][0]
    browser = Browser()
    try:
        found: dict[str, Any] = {"points": len(view.encoded("all")[0])}
        found["first_paint_ms"] = [round(first_paint(browser, server.url), 1) for _ in range(5)]
        page = browser.page()
        page.open(server.url)
        found["walk"] = frames(page, shift=False)
        found["pan"] = frames(page, shift=True)
        assert not page.problems, page.problems
        # Reporting a request to this process would take longer than the request.
        page.send("Network.disable")
        found["shown_ms"] = percentiles(page.js(SHOWN))
        found["decode_http_ms"] = percentiles(round_trips(server.url))
        found["decode_ms"] = percentiles(page.js(DECODE))
        # The browser's own share: the time of a request that finds nothing.
        found["browser_ms"] = percentiles(page.js(DECODE.replace("/api/decode", "/nothing")))
        page.close()
        view._scenes["all"] = million(view)
        found["million_first_paint_ms"] = round(first_paint(browser, server.url), 1)
        page = browser.page()
        page.open(server.url)
        page.until(f"document.querySelector('.holder').dataset.painted === '{MILLION}'")
        found["million_walk"] = frames(page, shift=False)
        found["million_pan"] = frames(page, shift=True)
        page.close()
    finally:
        browser.close()
        server.stop()
    with tempfile.TemporaryDirectory() as folder:
        path = launch.export_page([run], Path(folder) / "page.html", split="all")
        found["file_megabytes"] = round(path.stat().st_size / 1e6, 3)
    return found


def first_paint(browser: Browser, url: str) -> float:
    page = browser.page()
    page.open(url, ready=None)
    value = page.js(PAINTED)
    page.close()
    return float(value)


def round_trips(url: str) -> list[float]:
    """Milliseconds of a thousand decodes, each over the same plain connection."""
    address, times = urlsplit(url), []
    connection = http.client.HTTPConnection(address.hostname or "", address.port)
    for k in range(1100):
        z = np.array([np.cos(k), np.sin(k)], "<f4").tobytes()
        began = time.perf_counter()
        connection.request("POST", "/api/decode?run=0&as=drawn", z)
        connection.getresponse().read()
        times.append(1000 * (time.perf_counter() - began))
    return times[100:]


def frames(page: Any, *, shift: bool) -> dict[str, float]:
    script = DRAG.replace("SHIFT", str(shift).lower()).replace("SECONDS", str(SECONDS))
    times = np.array(page.js(script))
    found = {"per_second": round(1000 / float(times.mean()), 1)}
    return found | {f"frame_{k}_ms": v for k, v in percentiles(times).items()}


def percentiles(values: Any) -> dict[str, float]:
    return {f"p{p}": round(float(np.percentile(values, p)), 2) for p in (50, 95, 99)}


def million(view: Any) -> bytes:
    meta, arrays = view.parts("all")
    rng = np.random.default_rng(0)
    pick = rng.integers(0, meta["n"], MILLION)
    codes = arrays["codes"][pick] + 0.05 * rng.normal(size=(MILLION, meta["d"]))
    arrays |= {"codes": codes.astype(np.float32), "labels": arrays["labels"][pick], "spread": arrays["spread"][pick]}
    arrays |= {name: values[pick] for name, values in arrays.items() if name.startswith("field-")}
    return packing.pack({**meta, "n": MILLION}, arrays)


if __name__ == "__main__":
    main()
