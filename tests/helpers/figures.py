"""What several tests of figures need: a made history, a figure's texts, the pixels of a file."""

import io

import matplotlib
import numpy as np
from PIL import Image

from latente.report.figures import style


def history(epochs=6, seed=0, kl=True):
    rng = np.random.default_rng(seed)
    h = {k: np.float32(100 + rng.uniform(size=epochs).cumsum()[::-1]) for k in ("reconstruction", "val_reconstruction")}
    h |= {k: np.float32(kl * rng.uniform(1, 2, epochs)) for k in ("kl", "val_kl")}
    return h | {f"{v}loss": h[f"{v}reconstruction"] + h[f"{v}kl"] for v in ("", "val_")}


def texts(figure):
    figure.draw_without_rendering()
    return {t.get_text() for t in figure.findobj(matplotlib.text.Text) if t.get_visible() and t.get_text()}


def pixels(content):
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def assert_fits(figure):
    """Nothing is cut off, and no text is below 8 points."""
    assert figure.get_size_inches()[0] <= style.WIDTH + 1e-9
    with style.style():
        figure.draw_without_rendering()
        drawn = figure.get_tightbbox()
    width, height = figure.get_size_inches()
    assert drawn.x0 >= -0.01 and drawn.y0 >= -0.01 and drawn.x1 <= width + 0.01 and drawn.y1 <= height + 0.01
    assert all(t.get_fontsize() >= 8 for t in figure.findobj(matplotlib.text.Text) if t.get_text())
