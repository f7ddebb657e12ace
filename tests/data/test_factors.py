"""Drawn shapes against geometry and another way to draw them; dSprites' layout; factors through the split."""

import dataclasses
import hashlib
import itertools
import math
import os
import zipfile

import numpy as np
import pytest
from PIL import Image, ImageDraw
from scipy.ndimage import maximum_filter
from scipy.optimize import brentq

from latente.data.factors import COUNTS, NAMES, SHAPES, draw, is_dsprites, read_dsprites
from latente.data.load import find_source, load_data
from latente.data.source import Factor
from latente.data.split import split_source
from latente.errors import DataError, SpecError

DEFAULT = draw()
# Of the bytes of the images, which must not change between versions: runs on disk are compared by them.
SHA256 = "e977a55a9fbd6012c411b3e3cd2bd21e113008793f242fb3afc9489cb9d2feae"
ANGLES = np.linspace(0, 2 * math.pi, 1440, endpoint=False)


def heart_radius(angle):
    c, s = math.cos(angle), math.sin(angle)
    # The cube root of both sides of the curve's equation, which has a simple root.
    return brentq(lambda r: r * r - 1 - r ** (5 / 3) * np.cbrt(c * c) * s, 0.5, 1.6)


HEART = np.array([heart_radius(a) for a in ANGLES])


def outline(shape):
    """Points around a shape of area 1 about its centre of mass, height upward."""
    if shape == "square":
        return np.array([[0.5, 0.5], [-0.5, 0.5], [-0.5, -0.5], [0.5, -0.5]])
    around = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1)
    if shape == "ellipse":
        return around * [2, 1] / math.sqrt(2 * math.pi)
    step = 2 * math.pi / len(ANGLES)
    area = (HEART**2).sum() / 2 * step
    height = (HEART**3 * around[:, 1]).sum() / 3 * step / area
    return (around * HEART[:, None] - [0, height]) / math.sqrt(area)


def drawn_with_pillow(size, shape, scale, rotation, x, y, fine=16):
    turn = np.array([[math.cos(rotation), -math.sin(rotation)], [math.sin(rotation), math.cos(rotation)]])
    points = outline(shape) @ turn.T * 0.3 * size * scale
    places = np.stack([x + points[:, 0], y - points[:, 1]], axis=1) * fine - 0.5
    large = Image.new("L", (size * fine, size * fine))
    ImageDraw.Draw(large).polygon([tuple(p) for p in places], fill=255)
    return np.asarray(large.resize((size, size), Image.Resampling.BOX), float)


def meaning(source, row):
    return [factor.values[code] for factor, code in zip(source.known, source.factors[row], strict=True)]


def test_every_combination_is_there_once_and_all_images_differ():
    assert np.array_equal(DEFAULT.factors, list(itertools.product(*map(range, COUNTS))))
    assert (DEFAULT.x.shape, DEFAULT.x.dtype, DEFAULT.maximum) == ((24_576, 32, 32), np.uint8, 255)
    assert tuple(f.name for f in DEFAULT.known) == NAMES
    assert tuple(len(f.values) for f in DEFAULT.known) == COUNTS
    assert [f.categorical for f in DEFAULT.known] == [True, False, False, False, False]
    assert np.array_equal(DEFAULT.y, DEFAULT.factors[:, 0]) and DEFAULT.classes == SHAPES
    assert len({image.tobytes() for image in DEFAULT.x}) == 24_576
    assert hashlib.sha256(DEFAULT.x.tobytes()).hexdigest() == SHA256


@pytest.mark.slow
@pytest.mark.parametrize("size", [32, 64])
def test_pictures_are_those_of_another_way_to_draw(size):
    source = draw(size, counts=(3, 2, 8, 3, 2), turn=2 * math.pi)
    for row in range(len(source.x)):
        there = drawn_with_pillow(size, *meaning(source, row))
        off = np.abs(source.x[row] - there)
        # Pillow fills the sub-pixels that an outline touches, too.
        assert off.sum() < 0.04 * there.sum() and off.max() < 50, meaning(source, row)
        # Away from the edges it is all black or all white.
        for ours, theirs in ((source.x[row], there), (255 - source.x[row], 255 - there)):
            assert not ours[maximum_filter(theirs, 3) == 0].any(), meaning(source, row)


def test_area_place_and_turn_are_what_the_factors_say():
    source = draw(64, counts=(3, 4, 8, 5, 5))
    x = source.x / 255
    scale, rotation, across, down = (
        np.array(f.values)[c] for f, c in zip(source.known[1:], source.factors.T[1:], strict=True)
    )
    area = x.sum(axis=(1, 2))
    assert area == pytest.approx((0.3 * 64 * scale) ** 2, rel=0.005)
    at = np.arange(64) + 0.5
    middle = np.stack([x.sum(axis=1) @ at, x.sum(axis=2) @ at], axis=1) / area[:, None]
    assert middle == pytest.approx(np.stack([across, down], axis=1), abs=0.02)
    # The ellipse's long axis, anticlockwise from the horizontal: the main axis of its second moments.
    ellipse = source.factors[:, 0] == 1
    right = at[None, None, :] - across[ellipse, None, None]
    up = down[ellipse, None, None] - at[None, :, None]
    moments = [(x[ellipse] * product).sum(axis=(1, 2)) for product in (right * right, right * up, up * up)]
    turned = np.arctan2(2 * moments[1], moments[0] - moments[2]) / 2
    assert np.abs(np.angle(np.exp(2j * (turned - rotation[ellipse]))) / 2).max() < math.radians(1)


def test_hearts_stand_upright_and_y_counts_downward():
    source = draw(64, counts=(3, 1, 1, 1, 2))
    assert source.known[4].values[0] < 32 < source.known[4].values[1]
    top, bottom = (source.x[np.flatnonzero((source.factors == [2, 0, 0, 0, i]).all(axis=1))[0]] for i in (0, 1))
    assert top[:32].sum() > bottom[:32].sum()
    # The two lobes are above the point: the widest row lies in the upper half.
    rows = np.flatnonzero(bottom.any(axis=1))
    widest = (bottom > 127).sum(axis=1).argmax()
    assert widest < rows.mean() - 2
    assert np.array_equal(bottom[:, ::-1], bottom)


def test_steps_are_even_and_about_the_middle():
    for size, counts in ((32, (3, 4, 8, 16, 16)), (64, (1, 6, 40, 32, 1)), (20, (2, 1, 1, 3, 5))):
        known = draw(size, counts=counts, examples=1).known
        for factor, count in zip(known[1:], counts[1:], strict=True):
            assert len(factor.values) == count
            if count > 2:
                assert np.ptp(np.diff(factor.values)) < 1e-12
        for factor in known[3:]:
            assert np.mean(factor.values) == pytest.approx(size / 2, abs=1 / 16)
        assert known[1].values[-1] == 1
        assert known[2].values == pytest.approx(np.arange(counts[2]) * math.pi / 2 / counts[2])


def test_a_full_turn_shows_squares_four_times_and_ellipses_twice():
    source = draw(counts=(3, 1, 8, 1, 1), turn=2 * math.pi)
    square, ellipse, heart = source.x.reshape(3, 8, 32, 32)
    assert all(np.array_equal(square[i], square[(i + 2) % 8]) for i in range(8))
    assert all(np.array_equal(ellipse[i], ellipse[(i + 4) % 8]) for i in range(8))
    assert not np.array_equal(ellipse[0], ellipse[2])
    assert len({image.tobytes() for image in heart}) == 8


def test_a_subset_is_some_of_all():
    some = draw(examples=500, seed=3)
    rows = np.ravel_multi_index(some.factors.T, COUNTS)
    assert len(set(rows)) == 500 and some.known == DEFAULT.known
    assert np.array_equal(some.x, DEFAULT.x[rows])
    assert np.array_equal(some.factors, draw(examples=500, seed=3).factors)
    assert not np.array_equal(some.factors, draw(examples=500, seed=4).factors)
    assert np.array_equal(draw(examples=math.prod(COUNTS)).x, DEFAULT.x)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 15}, "size: got 15; allowed: a whole number of at least 16"),
        ({"size": 32.0}, "size: got 32.0"),
        ({"counts": (3, 4, 8, 16)}, "allowed: five whole numbers of at least 1, of shape, scale, rotation, x, y"),
        ({"counts": (3, 4, 0, 16, 16)}, "five whole numbers of at least 1"),
        ({"counts": (4, 4, 8, 16, 16)}, r"at most 3 shapes \(square, ellipse, heart\)"),
        ({"counts": (3, 4, 8, 16, 500)}, "counts: got 500; allowed: at most 134 values of y in 32 pixels"),
        ({"turn": 0}, "turn: got 0; allowed: an angle in radians"),
        ({"turn": 90}, "turn: got 90"),
        ({"examples": 0}, "examples: got 0; allowed: a whole number of 1 to 24576"),
        ({"examples": 24_577}, "examples: got 24577"),
    ],
)
def test_what_is_refused(options, message):
    with pytest.raises(SpecError, match=message):
        draw(**options)


def test_as_many_places_as_allowed_still_differ():
    source = draw(counts=(1, 1, 1, 134, 1))
    assert len({image.tobytes() for image in source.x}) == 134


def test_the_named_source_is_split_with_its_factors():
    data = load_data("factors")
    assert data.known == DEFAULT.known and data.spec.source == "factors"
    rows = []
    for part in (data.train, data.validation, data.test):
        index = np.ravel_multi_index(part.factors.T, COUNTS)
        assert np.array_equal(part.x, DEFAULT.x[index]) and np.array_equal(part.y, part.factors[:, 0])
        rows.append(index)
    assert np.array_equal(np.sort(np.concatenate(rows)), np.arange(24_576))
    assert data.card()["factors"] == dict(zip(NAMES, COUNTS, strict=True))
    assert data.card()["classes"] == list(SHAPES)


def test_factors_count_in_the_fingerprint_and_nothing_else_changes_without_them():
    small = draw(counts=(3, 2, 2, 2, 2))
    with_factors = split_source(small)
    without = split_source(dataclasses.replace(small, factors=None, known=()))
    assert np.array_equal(with_factors.train.x, without.train.x)
    other = small.factors.copy()
    other[[0, 1]] = other[[1, 0]]
    changed = split_source(dataclasses.replace(small, factors=other))
    assert len({with_factors.fingerprint, without.fingerprint, changed.fingerprint}) == 3
    assert without.train.factors is None and "factors" not in without.card()
    assert load_data("digits").test.factors is None


def test_factors_of_a_test_part_of_its_own():
    small = draw(counts=(3, 2, 2, 2, 2))
    parted = dataclasses.replace(small, x_test=small.x[:9], y_test=small.y[:9], factors_test=small.factors[:9])
    assert np.array_equal(split_source(parted).test.factors, small.factors[:9])


def test_a_source_made_in_a_program_is_data_too():
    small = draw(16, counts=(3, 2, 2, 3, 3))
    data = load_data(small)
    assert find_source(small) is small
    assert (data.spec.source, data.name) == ("arrays", "factors")
    assert data.fingerprint == split_source(small).fingerprint


class Bomb:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


SMALL = draw(16, counts=(3, 2, 4, 3, 3))


def dsprites(path, **changed):
    """A file of dSprites' layout: 216 images of zeros and ones, and metadata that must not be opened."""
    meaning_ = np.stack([np.asarray(f.values)[c] for f, c in zip(SMALL.known[1:], SMALL.factors.T[1:], strict=True)], 1)
    n = len(SMALL.x)
    bomb = np.empty((), object)
    bomb[()] = Bomb(path.parent / "exploded")
    arrays = {
        "metadata": bomb,
        "imgs": (SMALL.x > 127).astype(np.uint8),
        "latents_classes": np.concatenate([np.zeros((n, 1), np.int64), SMALL.factors], axis=1),
        "latents_values": np.concatenate([np.ones((n, 1)), SMALL.factors[:, :1] + 1.0, meaning_], axis=1),
    } | changed
    np.savez_compressed(path, **{k: v for k, v in arrays.items() if v is not None})
    return path


def test_dsprites_has_the_same_structure_and_its_pickle_stays_closed(tmp_path):
    path = dsprites(tmp_path / "dsprites_small.npz")
    for source in (read_dsprites(path), find_source(path), find_source(str(path))):
        assert np.array_equal(source.x, SMALL.x > 127) and source.x.dtype == np.uint8
        assert np.array_equal(source.factors, SMALL.factors) and np.array_equal(source.y, SMALL.y)
        assert source.known == SMALL.known and source.classes == SHAPES
        assert (source.name, source.maximum) == ("dsprites_small", 1)
    assert not (tmp_path / "exploded").exists()
    data = load_data(path)
    assert data.card()["factors"] == {"shape": 3, "scale": 2, "rotation": 4, "x": 3, "y": 3}
    assert data.card()["range"] == [0, 1] and data.spec.source == str(path)


def test_some_of_dsprites(tmp_path, monkeypatch):
    monkeypatch.setattr("latente.data.factors._CHUNK", 50)
    path = dsprites(tmp_path / "a.npz")
    some = read_dsprites(path, examples=40, seed=2)
    rows = np.ravel_multi_index(some.factors.T, (3, 2, 4, 3, 3))
    assert len(set(rows)) == 40 and np.array_equal(some.x, SMALL.x[rows] > 127)
    assert some.known == SMALL.known
    assert np.array_equal(read_dsprites(path, examples=216).x, SMALL.x > 127)
    for examples in (0, 217, 1.5, True):
        with pytest.raises(SpecError, match="allowed: a whole number of 1 to 216"):
            read_dsprites(path, examples=examples)


def test_codes_that_do_not_count_from_zero_and_one_shape_only(tmp_path):
    hearts = SMALL.factors[:, 0] == 2
    whole = np.load(dsprites(tmp_path / "a.npz"), allow_pickle=False)
    arrays = {k: whole[k][hearts] for k in ("imgs", "latents_classes", "latents_values")}
    arrays["latents_classes"] = arrays["latents_classes"] * 5 + 7
    source = read_dsprites(dsprites(tmp_path / "b.npz", **arrays))
    assert [f.name for f in source.known] == ["scale", "rotation", "x", "y"]
    assert np.array_equal(source.factors, SMALL.factors[hearts][:, 1:])
    assert source.y is None and source.classes == ()


def test_other_files_are_not_dsprites(tmp_path):
    np.savez(tmp_path / "keras.npz", x_train=SMALL.x, y_train=SMALL.y)
    np.save(tmp_path / "a.npy", SMALL.x)
    (tmp_path / "text.npz").write_text("nothing")
    for name in ("keras.npz", "a.npy", "text.npz"):
        assert not is_dsprites(tmp_path / name)
        with pytest.raises(
            DataError, match=f"{name}: is not the file of dSprites, which is an .npz with the arrays imgs"
        ):
            read_dsprites(tmp_path / name)
    assert find_source(tmp_path / "keras.npz").factors is None
    with pytest.raises(DataError, match=r"nothing\.npz: no such file; give the path"):
        read_dsprites(tmp_path / "nothing.npz")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"imgs": SMALL.x[:5]}, r"imgs has shape \(5, 16, 16\) and type uint8; allowed: \(216, height, width\) bytes"),
        ({"imgs": SMALL.x / 255}, "and type float64"),
        ({"imgs": np.asfortranarray(SMALL.x)}, "row by row"),
        ({"imgs": np.array([Bomb("exploded")] * 216, object)}, "imgs has shape"),
        ({"latents_classes": SMALL.factors}, r"latents_classes has shape \(216, 5\) and type int64; allowed: \(n, 6\)"),
        ({"latents_classes": np.array([[Bomb("exploded")] * 6] * 216, object)}, "Object arrays cannot be loaded"),
        ({"latents_values": np.zeros((9, 6))}, r"latents_values has shape \(9, 6\)"),
        ({"latents_values": None}, "cannot be read as dSprites .*latents_values"),
        (
            {"latents_values": np.random.default_rng(0).normal(size=(216, 6))},
            "differ where latents_classes agree, in shape",
        ),
        ({"latents_classes": np.zeros((216, 6), int)}, "every factor has a single value"),
    ],
)
def test_a_file_of_the_layout_with_something_else_in_it(tmp_path, monkeypatch, changed, message):
    monkeypatch.chdir(tmp_path)
    path = dsprites(tmp_path / "a.npz", **changed)
    with pytest.raises(DataError, match=message) as error:
        read_dsprites(path)
    assert "\n" not in str(error.value) and str(error.value).startswith(f"{path}: ")
    assert not (tmp_path / "exploded").exists()


def test_damaged_files(tmp_path):
    good = dsprites(tmp_path / "a.npz").read_bytes()
    for name, content in (("cut.npz", good[:-300]), ("cut2.npz", good[: len(good) // 2]), ("empty.npz", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=f"{name}: "):
            read_dsprites(tmp_path / name)
    # Bytes turned over inside the packed images, and images that end too early.
    flipped = bytearray(good)
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        middle = archive.getinfo("imgs.npy").header_offset + 300
    flipped[middle : middle + 40] = bytes(b ^ 255 for b in flipped[middle : middle + 40])
    (tmp_path / "flipped.npz").write_bytes(flipped)
    with pytest.raises(DataError, match=r"flipped.npz: cannot be read as dSprites .*; it is damaged, so get it again"):
        read_dsprites(tmp_path / "flipped.npz")
    with zipfile.ZipFile(tmp_path / "a.npz") as archive, zipfile.ZipFile(tmp_path / "short.npz", "w") as short:
        for name in archive.namelist():
            content = archive.read(name)
            short.writestr(name, content[:-100] if name == "imgs.npy" else content)
    with pytest.raises(DataError, match=r"short.npz: imgs ends before its last image"):
        read_dsprites(tmp_path / "short.npz")


def test_a_factor_knows_its_kind():
    assert Factor("shape", ("a", "b")).categorical
    assert not Factor("x", (0.0, 1.0)).categorical
