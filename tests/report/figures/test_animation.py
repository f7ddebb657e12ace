"""Every frame of an animation is shown, at its epoch."""

import io

import numpy as np
from PIL import Image, ImageSequence

from latente.language.words import Words
from latente.report.figures import animation

EN, PT = Words("en"), Words("pt")


def test_each_frame_knows_its_epoch():
    assert animation.frame_epochs(3, 3, 3) == [1, 2, 3]
    assert animation.frame_epochs(126, 250, 250) == [*range(1, 250, 2), 250]
    assert animation.frame_epochs(5, 400, 9) == [1, 3, 5, 7, 9]


def test_an_animation_shows_every_frame_at_its_size():
    originals = np.zeros((8, 28, 28), np.uint8)
    frames = np.stack([np.full((8, 28, 28), v, np.uint8) for v in (0, 100, 200, 255)])
    moving, still = animation.animate(frames, originals, EN, name="vae", planned=4, trained=4)
    with Image.open(io.BytesIO(moving)) as image:
        pages = [np.asarray(page.convert("RGB")) for page in ImageSequence.Iterator(image)]
        assert image.n_frames == 4 and image.info["loop"] == 0 and image.size == animation.size(moving)
    assert pages[0].shape[1] <= animation.WIDE
    for page, value in zip(pages, (0, 100, 200, 255), strict=True):
        row = page[-20, -20]
        assert np.abs(row.astype(int) - value).max() <= 255 / animation.LEVELS / 2 + 1
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(still)).convert("RGB")), pages[-1])
    assert animation.animate(frames, originals, EN, name="vae", planned=4, trained=4)[0] == moving


def test_an_animation_of_noise_keeps_to_its_size_and_length():
    frames = np.random.default_rng(0).integers(0, 256, (30, 8, 16, 16, 3)).astype(np.uint8)
    moving, _ = animation.animate(frames, frames[0], EN, name="x" * 40, planned=200, trained=200)
    with Image.open(io.BytesIO(moving)) as image:
        assert image.n_frames < 30
        times = []
        for page in ImageSequence.Iterator(image):
            page.load()
            times.append(page.info["duration"])
    assert len(moving) <= animation.MOST_BYTES and sum(times) <= animation.LONGEST


def test_what_does_not_move_much_stays():
    frames = np.uint8([[[100]], [[105]], [[109]], [[140]]])
    assert len(set(animation._calm(frames).ravel().tolist())) == 2
