"""Images stand pixel for pixel where they belong."""

import numpy as np
import pytest
from figures import pixels, texts

from latente.data.images import to_bytes
from latente.language.words import Words
from latente.report.figures import images, style

EN, PT = Words("en"), Words("pt")


@pytest.mark.parametrize("shape", [(28, 40), (30, 28, 1), (29, 31, 3)])
def test_a_mosaic_holds_every_image_in_its_place(shape):
    given = np.random.default_rng(0).integers(0, 256, (6, *shape)).astype(np.uint8)
    mosaic = images.mosaic(to_bytes(given), 3)
    height, width = shape[:2]
    assert mosaic.shape == (1 + 2 * (height + 1), 1 + 3 * (width + 1), *((3,) if shape[2:] == (3,) else ()))
    for i in range(6):
        top, left = 1 + (i // 3) * (height + 1), 1 + (i % 3) * (width + 1)
        assert np.array_equal(mosaic[top : top + height, left : left + width], given[i].squeeze())
    assert (mosaic[0] == images.FRAME).all() and (mosaic[:, -1] == images.FRAME).all()


def test_small_images_are_enlarged_by_whole_numbers():
    image = np.uint8([[0, 255]])
    mosaic = images.mosaic(image[None], 1)
    assert mosaic.shape == (16, 30) and (mosaic[1:-1, 1:15] == 0).all() and (mosaic[1:-1, 15:-1] == 255).all()


def test_values_become_bytes_by_their_span():
    assert to_bytes(np.array([[[-1.0, 0.0, 0.5, 1.0, 9.0, np.nan]]])).tolist() == [[[0, 0, 128, 255, 255, 0]]]
    assert to_bytes(np.array([[[-2.0, 0.0, 2.0]]]), -2, 2).tolist() == [[[0, 128, 255]]]


def test_reconstructions_show_their_row_labels_and_true_pixels():
    originals = np.zeros((8, 28, 28), np.uint8)
    originals[0] = 255
    figure = images.reconstructions(originals, {"vae": np.full((8, 28, 28), 0.5)}, EN, list("01234567"))
    shown = [t.get_text() for t in figure.axes[0].get_yticklabels() if t.get_visible()]
    assert shown == ["Original", "vae"] and {"0", "7"} <= texts(figure)
    figure.draw_without_rendering()
    assert all(t.get_window_extent().x0 >= 0 for t in figure.axes[0].get_yticklabels())
    page = pixels(style.png(figure))
    box = figure.axes[0].get_position()
    rows, columns = 2 * 29 + 1, 8 * 29 + 1
    scale = round(box.width * page.shape[1]) // columns
    assert scale >= 4
    top, left = round((1 - box.y1) * page.shape[0]), round(box.x0 * page.shape[1])
    mosaic = page[top : top + rows * scale, left : left + columns * scale]
    first, second, below = (
        mosaic[15 * scale, 15 * scale],
        mosaic[15 * scale, 44 * scale],
        mosaic[44 * scale, 15 * scale],
    )
    assert first.tolist() == [255] * 3 and second.tolist() == [0] * 3
    # 128 greys: within one of them.
    assert np.abs(below.astype(int) - 128).max() <= 1
    # A whole number of dots a pixel: the white image is 28 pixels wide, and its frame one.
    white = (mosaic[15 * scale, :, 0] == 255).sum()
    assert white == 28 * scale


def test_the_manifold_lies_as_on_a_map():
    at = np.float32([-1, 0, 1])
    grid = np.zeros((3, 3, 4, 4), np.float32)
    grid[0, 2] = 1.0
    figure = images.manifold(grid, at, PT)
    shown = np.asarray(figure.axes[0].get_images()[0].get_array())
    assert (shown[:4, 8:] == 255).all() and shown.sum() == 16 * 255
    labels = [t.get_text() for t in figure.axes[0].get_xticklabels()]
    assert labels == ["−1,00", "0,00", "1,00"]
    assert {"Latente 1", "Latente 2"} <= texts(figure)


def test_samples_stand_side_by_side():
    drawn = np.random.default_rng(0).uniform(size=(16, 28, 28))
    figure = images.samples({"2 latents": drawn, "8 latents": drawn})
    assert len(figure.axes) == 2 and {"2 latents", "8 latents"} <= texts(figure)
    mosaic = np.asarray(figure.axes[1].get_images()[0].get_array())
    assert np.array_equal(mosaic, images.mosaic(to_bytes(drawn), 4))


RNG = np.random.default_rng(0)


def test_samples_stand_above_their_neighbours():
    samples, near = RNG.uniform(size=(4, 28, 28)), RNG.uniform(size=(4, 2, 28, 28))
    figure = images.neighbours({"First": (samples, near, np.array([0.5, 0.25, 1, 0.75]))}, PT)
    mosaic = np.asarray(figure.axes[0].get_images()[0].get_array())
    rows = [to_bytes(rows) for rows in (samples, near[:, 0], near[:, 1])]
    assert np.array_equal(mosaic, images.mosaic(np.concatenate(rows), 4))
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == ["Amostra", "Vizinho 1", "Vizinho 2"]
    assert [t.get_text() for t in figure.axes[0].get_xticklabels()] == ["0,50", "0,25", "1,00", "0,75"]


def test_the_worst_stand_with_the_size_of_their_differences():
    a, b = RNG.uniform(-1, 1, size=(2, 3, 28, 28))
    figure = images.worst(a, b, [0.5, 0.25, 0.125], EN, ["cat", "dog", "owl"], (-1, 1))
    mosaic = np.asarray(figure.axes[0].get_images()[0].get_array()).astype(int)
    assert mosaic.shape[0] == 3 * 29 + 1
    middle = mosaic[59 + 14, 1 + 14]
    assert middle == pytest.approx(255 * abs(a[0, 14, 14] - b[0, 14, 14]) / 2, abs=1)
    assert [t.get_text() for t in figure.axes[0].get_xticklabels()] == ["cat: 0.500", "dog: 0.250", "owl: 0.125"]
