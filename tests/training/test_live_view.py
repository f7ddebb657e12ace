"""The view of a training in a notebook: its numbers, its curve and its pictures."""

import base64
import io
import re
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from latente.language.words import Words
from latente.training.live_view import HEIGHT, MARGIN, WIDTH, LiveView

RUN = SimpleNamespace(name="<b>", seed=3)


def epoch(number, loss, val_loss, **more):
    logs = {"loss": loss, "val_loss": val_loss, "reconstruction": 1.0, "kl": 2.0}
    return SimpleNamespace(run=RUN, number=number, epochs=4, logs=logs, examples=100, seconds=2.0, **more)


def points(html):
    return [np.array([p.split(",") for p in found.split()], float) for found in re.findall(r'points="([^"]+)"', html)]


def test_the_curve_holds_every_epoch_even_of_views_that_were_too_young():
    view = LiveView(Words("en"))
    assert "&lt;b&gt;" in view.start(RUN) and "<b>" not in view.start(RUN)
    assert view.after(epoch(1, 900.0, 30.0)) is not None
    assert [view.after(epoch(i, 30.0 - i, 31.0 - i)) for i in (2, 3)] == [None, None]
    html = view.end()
    training, validation = points(html)
    assert training[:, 0] == pytest.approx([MARGIN, MARGIN + (WIDTH - MARGIN - 8) / 2, WIDTH - 8])
    # From 29 down to 27; the first epoch's loss of 900 leaves the picture, its validation loss of 30 a little.
    assert training[1:, 1] == pytest.approx([12 + (HEIGHT - 30) / 2, HEIGHT - 18])
    assert validation[1:, 1] == pytest.approx([12, 12 + (HEIGHT - 30) / 2])
    assert training[0, 1] == pytest.approx(12 - 0.1 * (HEIGHT - 30))
    assert ">29.0<" in html and ">27.0<" in html and "3 epochs in 0:06" in html and "<img" not in html


def test_pictures_are_the_originals_above_their_reconstructions():
    x = np.linspace(0, 1, 3 * 4 * 5, dtype=np.float32).reshape(3, 4, 5)
    html = LiveView(Words("pt")).after(epoch(2, 1.0, 1.0, shown=(x, 1 - x), span=(0.0, 1.0)))
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(re.search(r"base64,([^\"]+)", html)[1]))))
    assert picture.shape == (8, 15)
    assert np.array_equal(picture[:4, 5:10], np.round(x[1] * 255)) and np.array_equal(
        picture[4:, :5], np.round((1 - x[0]) * 255)
    )
    assert "faltam 0:04" in html and "Exemplos de validação" in html


def test_a_training_without_an_epoch_leaves_nothing():
    assert LiveView(Words("en")).end() == ""
