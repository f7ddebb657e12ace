"""What a page shows, read from it; and what a person does to it."""

import json
import time

import numpy as np

TABS = ("walk", "between", "draw", "samples", "selection", "compare", "training")


def code(page, selector="#decoded"):
    return np.array(page.js(f"document.querySelector({json.dumps(selector)}).dataset.z.split(',').map(Number)"))


def assert_decoded(page, run, z, selector="#decoded"):
    """A canvas shows what Python decodes for z, within one step of 255 a pixel."""
    width, height, red = page.pixels(selector)
    expected = 255 * run.decode(np.asarray(z, np.float32)[None])[0]
    assert (height, width) == expected.shape
    # Half a step of rounding on each side of one step.
    assert np.abs(np.array(red).reshape(height, width) - expected).max() <= 1.5


def settled(page, before):
    """The code that is decoded once it is another than before and stays."""
    until = time.monotonic() + 20
    while np.array_equal(code(page), before) and time.monotonic() < until:
        time.sleep(0.02)
    last, now = None, code(page)
    while not np.array_equal(last, now):
        time.sleep(0.1)
        last, now = now, code(page)
    assert not np.array_equal(now, before)
    return now


def change(page, name, value, event="input"):
    """Give a field a value, as a person would."""
    page.js(
        f"(() => {{ const e = document.getElementById('{name}'); e.value = '{value}';"
        f"e.dispatchEvent(new Event('{event}')); }})()"
    )


def tab(page, name):
    page.js(f"document.getElementById('tab-{name}').click()")
