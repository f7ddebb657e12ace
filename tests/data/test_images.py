"""Folders of images: the pixels that were drawn come back, in a known order, with sub-folders as labels."""

import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from latente.data import file_limits
from latente.data.files import read
from latente.errors import DataError
from latente.spec import DataSpec

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (6, 7, 5)).astype(np.uint8)
COLOUR = RNG.integers(0, 256, (6, 7, 5, 3)).astype(np.uint8)


def draw(folder, images, suffix=".png", **options):
    folder.mkdir(parents=True, exist_ok=True)
    for i, a in enumerate(images):
        image = a if isinstance(a, Image.Image) else Image.fromarray(a)
        image.save(folder / f"{i}{suffix}", **options)
    return folder


def error_of(path, match):
    with pytest.raises(DataError, match=match) as error:
        read(path)
    assert "\n" not in str(error.value)


LOSSLESS = [".png", ".PNG", ".bmp", ".tif", ".tiff", ".webp"]


@pytest.mark.parametrize(("suffix", "images"), [(s, a) for s in LOSSLESS for a in (GREY, COLOUR)] + [(".gif", GREY)])
def test_formats_without_loss_give_the_same_numbers(tmp_path, suffix, images):
    s = read(draw(tmp_path / "pictures", images, suffix, **({"lossless": True} if suffix == ".webp" else {})))
    # WebP knows no greys, so its pixels come as RGB of equal parts.
    assert np.array_equal(s.x[..., 0] if s.x.ndim > images.ndim else s.x, images)
    assert (s.x.dtype, s.maximum, s.y, s.classes, s.name) == (np.uint8, 255, None, (), "pictures")


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg"])
def test_jpeg_gives_nearly_the_same_numbers(tmp_path, suffix):
    smooth = np.add.outer(np.arange(16) * 8, np.arange(12) * 8).astype(np.uint8)
    s = read(draw(tmp_path, [smooth], suffix, quality=95))
    assert s.x.shape == (1, 16, 12)
    assert np.abs(s.x[0].astype(int) - smooth).max() <= 4


def test_sub_folders_are_labels_in_order(tmp_path):
    draw(tmp_path / "dog", GREY[:2])
    draw(tmp_path / "cat" / "deep", GREY[2:4])
    draw(tmp_path / "cat", GREY[4:5])
    draw(tmp_path / ".hidden", GREY)
    draw(tmp_path / "empty", [])
    (tmp_path / "readme.txt").write_text("no image")
    (tmp_path / "cat" / "._0.png").write_text("of a Mac")
    s = read(tmp_path)
    assert s.classes == ("cat", "dog")
    assert s.y.tolist() == [0, 0, 0, 1, 1]
    assert np.array_equal(s.x, GREY[[4, 2, 3, 0, 1]])


def test_numbers_as_labels_are_in_the_order_of_numbers(tmp_path):
    for name in ("2", "10", "0"):
        draw(tmp_path / name, GREY[:2])
    assert read(tmp_path).classes == ("0", "2", "10")
    draw(tmp_path / "02", GREY[:2])
    assert read(tmp_path).classes == ("0", "02", "10", "2")


def test_train_and_test_are_the_two_parts(tmp_path):
    draw(tmp_path / "train", GREY[:4])
    draw(tmp_path / "test", COLOUR[4:])
    s = read(tmp_path)
    assert s.y is None
    assert np.array_equal(s.x[..., 2], GREY[:4])
    assert np.array_equal(s.x_test, COLOUR[4:])


def test_train_and_test_with_labels(tmp_path):
    draw(tmp_path / "train" / "b", GREY[:2])
    draw(tmp_path / "train" / "a", GREY[2:5])
    draw(tmp_path / "test" / "b", GREY[5:])
    s = read(tmp_path)
    assert s.classes == ("a", "b")
    assert s.y.tolist() == [0, 0, 0, 1, 1]
    assert s.y_test.tolist() == [1]
    assert np.array_equal(s.x, GREY[[2, 3, 4, 0, 1]])
    assert np.array_equal(s.x_test, GREY[5:])
    draw(tmp_path / "test", GREY[:1])
    error_of(tmp_path, "test/0.png lies beside sub-folders that are labels")


@pytest.mark.parametrize(("suffix", "options"), [(".png", {}), (".tif", {"compression": "tiff_lzw"})])
@pytest.mark.parametrize("turn", range(1, 9))
def test_turned_photographs_are_set_upright(tmp_path, suffix, options, turn):
    exif = Image.Exif()
    exif[0x0112] = turn
    a = GREY[0]
    upright = [a, a[:, ::-1], a[::-1, ::-1], a[::-1], a.T, np.rot90(a, -1), a[::-1, ::-1].T, np.rot90(a)][turn - 1]
    x = read(draw(tmp_path, [a], suffix, exif=exif, **options)).x
    assert np.array_equal(x[0], upright)


def test_what_pillow_would_scramble_is_refused(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 3
    assert np.array_equal(read(draw(tmp_path, GREY[:1], ".tif", exif=exif)).x[0], GREY[0, ::-1, ::-1])
    exif[0x0112] = 6
    error_of(draw(tmp_path, GREY[:1], ".tif", exif=exif), r"0\.tif: .*a TIFF that is turned and not compressed")


def test_one_colour_image_makes_all_rgb(tmp_path):
    s = read(draw(tmp_path, [GREY[0], COLOUR[1], GREY[2]]))
    assert s.x.shape == (3, 7, 5, 3)
    assert np.array_equal(s.x[1], COLOUR[1])
    for channel in range(3):
        assert np.array_equal(s.x[[0, 2], ..., channel], GREY[[0, 2]])


def test_what_is_transparent_becomes_black(tmp_path):
    alpha = np.zeros((7, 5), np.uint8)
    alpha[:4] = 255
    grey = read(draw(tmp_path / "la", [Image.fromarray(np.dstack([GREY[0], alpha]), "LA")])).x[0]
    assert np.array_equal(grey, GREY[0] * (alpha > 0))
    rgb = read(draw(tmp_path / "rgba", [np.dstack([COLOUR[0], alpha])])).x[0]
    assert np.array_equal(rgb, COLOUR[0] * (alpha > 0)[..., None])
    half = np.full((2, 2, 4), [200, 100, 0, 128], np.uint8)
    assert read(draw(tmp_path / "half", [half])).x[0, 0, 0].tolist() == [100, 50, 0]
    marked = read(draw(tmp_path / "marked", [np.array([[7, 90]], np.uint8)], transparency=7)).x[0]
    assert marked.tolist() == [[0, 90]]


def test_other_modes(tmp_path):
    bits = Image.fromarray(GREY[0] > 99)
    assert bits.mode == "1"
    assert np.array_equal(read(draw(tmp_path / "1", [bits])).x[0], np.where(GREY[0] > 99, 255, 0))
    palette = Image.fromarray(COLOUR[0]).quantize(256)
    assert np.array_equal(read(draw(tmp_path / "p", [palette])).x[0], np.asarray(palette.convert("RGB")))
    cmyk = Image.fromarray(COLOUR[0]).convert("CMYK")
    assert np.array_equal(read(draw(tmp_path / "cmyk", [cmyk], ".tif")).x[0], np.asarray(cmyk.convert("RGB")))


def test_16_bits_become_float32_up_to_one(tmp_path):
    deep = GREY[0].astype(np.uint16) * 257
    for suffix in (".png", ".tif"):
        s = read(draw(tmp_path / suffix, [deep, GREY[1]], suffix))
        assert s.x.dtype == np.float32
        assert s.x == pytest.approx(GREY[:2] / 255, abs=1e-6)
    floats = (GREY / 100).astype(np.float32)
    assert np.array_equal(read(draw(tmp_path / "f", floats, ".tif")).x, floats)
    error_of(draw(tmp_path / "i", [GREY[0].astype(np.int32) * 1000], ".tif"), r"0\.tif: .*greys beyond 16 bits")


def test_only_the_first_picture_of_an_animation_is_read(tmp_path):
    frames = [Image.fromarray(a) for a in GREY]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    x = read(tmp_path).x
    assert len(x) == 1
    assert np.array_equal(x[0] if x.ndim == 3 else x[0, ..., 0], GREY[0])


def test_sizes_that_differ_are_named(tmp_path):
    draw(tmp_path / "a", GREY[:2])
    draw(tmp_path / "b", [GREY[0, :, :4]])
    error_of(tmp_path, r"a/0\.png is 5×7 pixels and b/0\.png is 4×7; all images must have one size")


def test_folders_that_are_not_clear(tmp_path):
    error_of(tmp_path, r"holds no images \(\.png \.jpg .*\) and no IDX files")
    draw(tmp_path / "cat", GREY[:2])
    draw(tmp_path, GREY[:1])
    error_of(tmp_path, r"0\.png lies beside sub-folders that are labels; move it")
    for part in ("train", "test"):
        draw(tmp_path / "parts" / part, GREY[:2])
    draw(tmp_path / "parts" / "val", GREY[:2])
    error_of(tmp_path / "parts", 'holds "val" beside "train" and "test"; allowed: these two alone')


def test_images_that_cannot_be_read_are_named(tmp_path, monkeypatch):
    whole = draw(tmp_path, GREY[:1]) / "0.png"
    for content in (b"", b"no image", whole.read_bytes()[:-30], whole.read_bytes()[:20]):
        (tmp_path / "1.png").write_bytes(content)
        error_of(tmp_path, r"1\.png: cannot be read as an image \(.*\); replace it, or take it out of the folder")
    (tmp_path / "1.png").unlink()
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 30)
    error_of(tmp_path, r"0\.png: cannot be read as an image .*decompression bomb")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    error_of(tmp_path, r"0\.png: cannot be read as an image .*decompression bomb")


def said(source):
    return {n.key: (dict(n.values), n.option) for n in source.notes}


def png(path, a, kind):
    """A PNG of 16 bits, which Pillow cannot write in colours."""
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in a)
    chunk = lambda name, data: struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))  # noqa: E731
    head = struct.pack(">IIBBBBB", a.shape[1], a.shape[0], 16, kind, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*p) for p in parts))


def test_colours_of_16_bits_are_refused_and_not_cut_to_8(tmp_path):
    deep = RNG.integers(0, 4096, (7, 5, 4)).astype(np.uint16)
    for name, channels, kind in (("rgb", 3, 2), ("greyalpha", 2, 4), ("rgba", 4, 6)):
        (tmp_path / name).mkdir()
        png(tmp_path / name / "0.png", deep[..., :channels], kind)
        error_of(tmp_path / name, r"0\.png: cannot be read as an image \(it has 16 bits a channel, and colours")
    (tmp_path / "ppm").mkdir()
    (tmp_path / "ppm" / "0.ppm").write_bytes(b"P6 5 7 4095\n" + deep[..., :3].astype(">u2").tobytes())
    error_of(tmp_path / "ppm", r"0\.ppm: .*16 bits a channel")
    (tmp_path / "grey").mkdir()
    png(tmp_path / "grey" / "0.png", deep[..., :1], 0)
    assert np.array_equal(read(tmp_path / "grey").x[0], deep[..., 0].astype(np.float32) / np.float32(65535))
    (tmp_path / "pgm").mkdir()
    (tmp_path / "pgm" / "0.pgm").write_bytes(b"P5 5 7 65535\n" + deep[..., 0].astype(">u2").tobytes())
    assert np.array_equal(read(tmp_path / "pgm").x, read(tmp_path / "grey").x)


def test_dark_ink_on_nothing_is_seen_on_white(tmp_path):
    ink = np.zeros((7, 5, 4), np.uint8)
    ink[..., 3] = GREY[0]
    s = read(draw(tmp_path / "ink", [ink]))
    assert np.array_equal(s.x[0, ..., 0], 255 - GREY[0])
    assert said(s)["on-white"] == (
        {"count": 1, "images": 1, "ground": "white"}, 'ground = "black", or mode = "alpha"',
    )  # fmt: skip
    asked = lambda **options: read(tmp_path / "ink", DataSpec(**options))  # noqa: E731
    assert np.array_equal(asked(mode="alpha").x[0], GREY[0]) and not said(asked(mode="alpha"))
    assert asked(ground="black").x.max() == 0
    assert np.array_equal(asked(mode="grey").x[0], 255 - GREY[0])
    chalk = ink.copy()
    chalk[..., :3] = 255
    s = read(draw(tmp_path / "chalk", [chalk]))
    assert np.array_equal(s.x[0, ..., 0], GREY[0]) and "on-black" in said(s)
    opaque = np.dstack([COLOUR[0], np.full((7, 5), 255, np.uint8)])
    assert not said(read(draw(tmp_path / "opaque", [opaque])))
    draw(tmp_path / "mixed", [ink, GREY[1]])
    with pytest.raises(DataError, match=r'1\.png: mode = "alpha": nothing says how opaque it is'):
        read(tmp_path / "mixed", DataSpec(mode="alpha"))


def test_modes_that_are_asked_for(tmp_path):
    asked = lambda name, mode: read(tmp_path / name, DataSpec(mode=mode)).x  # noqa: E731
    draw(tmp_path / "c", COLOUR[:2])
    draw(tmp_path / "g", GREY[:2])
    assert np.array_equal(asked("c", "grey")[1], np.asarray(Image.fromarray(COLOUR[1]).convert("L")))
    assert np.array_equal(asked("g", "colour"), np.repeat(GREY[:2, ..., None], 3, axis=3))
    alike = read(draw(tmp_path / "alike", np.repeat(GREY[:2, ..., None], 3, axis=3)))
    assert alike.x.shape == (2, 7, 5, 3) and said(alike) == {"alike-channels": ({}, 'mode = "grey"')}
    assert np.array_equal(asked("alike", "grey"), GREY[:2])


def test_images_of_zero_and_one_are_read_as_arrays_of_them_are(tmp_path):
    bits = (GREY > 99).astype(np.uint8)
    assert read(draw(tmp_path / "bits", bits)).maximum == 1
    assert read(draw(tmp_path / "grey", GREY)).maximum == 255
    draw(tmp_path / "parts" / "train", bits[:3])
    draw(tmp_path / "parts" / "test", GREY[3:])
    assert read(tmp_path / "parts").maximum == 255


@pytest.mark.parametrize(("train", "test"), [("train", "val"), ("training", "testing"), ("Train", "Test")])
def test_parts_by_other_names_are_no_labels(tmp_path, train, test):
    for part, images in ((train, GREY[:4]), (test, GREY[4:])):
        draw(tmp_path / part / "cat", images[:1])
        draw(tmp_path / part / "dog", images[1:])
    s = read(tmp_path)
    assert s.classes == ("cat", "dog") and s.y.tolist() == [0, 1, 1, 1] and s.y_test.tolist() == [0, 1]
    assert np.array_equal(s.x, GREY[:4]) and np.array_equal(s.x_test, GREY[4:])
    assert said(s) == {"parts": ({"train": train, "test": test}, "")}
    draw(tmp_path / "valid", GREY[:1])
    error_of(tmp_path, f'beside "{train}" and "{test}"; allowed: these two alone')


def test_folders_named_like_one_part_only_are_labels(tmp_path):
    draw(tmp_path / "train", GREY[:2])
    draw(tmp_path / "ship", GREY[2:4])
    assert read(tmp_path).classes == ("ship", "train")


def test_one_folder_about_everything_is_left_out(tmp_path):
    draw(tmp_path / "a" / "b" / "cat", GREY[:2])
    draw(tmp_path / "a" / "b" / "dog" / "deep", GREY[2:4])
    draw(tmp_path / "__MACOSX" / "a", GREY)
    s = read(tmp_path)
    assert s.classes == ("cat", "dog") and s.y.tolist() == [0, 0, 1, 1] and np.array_equal(s.x, GREY[:4])
    assert said(s) == {
        "wrapped": ({"folder": "a/b"}, ""),
        "deeper": ({"count": 2, "folder": "dog/deep", "label": "dog"}, ""),
    }
    alone = read(draw(tmp_path / "alone" / "cat", GREY[:2]).parent)
    assert alone.classes == ("cat",) and not said(alone)


def test_what_is_passed_over_is_counted_and_named(tmp_path):
    draw(tmp_path / "cat", GREY[:2])
    draw(tmp_path / "dog", GREY[2:4], ".jfif", format="JPEG")
    for name in ("a.txt", "b.TXT", "c", "cat/d.pdf"):
        (tmp_path / name).write_text("no image")
    (tmp_path / "cat" / "._0.png").write_text("of a Mac")
    (tmp_path / "cat" / ".DS_Store").write_text("of a Mac")
    (tmp_path / "empty" / "still").mkdir(parents=True)
    os.mkfifo(tmp_path / "cat" / "pipe.png")
    (tmp_path / "cat" / "gone.png").symlink_to("nowhere")
    (tmp_path / "linked").symlink_to("cat")
    (tmp_path / "dog" / "9.png").symlink_to(tmp_path / "cat" / "0.png")
    s = read(tmp_path)
    assert s.y.tolist() == [0, 0, 1, 1, 1] and np.array_equal(s.x[4], GREY[0])
    assert said(s) == {
        "passed-over": ({"count": 6, "kinds": "2 .png (?), 2 .txt, 1 .pdf, 1 ?"}, ""),
        "hidden": ({"count": 1}, ""),
        "links": ({"count": 1, "names": "linked"}, ""),
        "empty-folders": ({"count": 1, "names": "empty/still"}, ""),
    }
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "a.heic").touch()
    error_of(tmp_path / "none", r"holds no images \(.*\) and no IDX files \(it holds 1 \.heic\); give another")


def test_what_else_a_file_holds_is_said(tmp_path):
    frames = [Image.fromarray(a) for a in GREY]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    frames[1].save(tmp_path / "b.gif")
    assert said(read(tmp_path))["frames"] == ({"count": 1, "images": 2}, "")
    cmyk = draw(tmp_path / "cmyk", [Image.fromarray(COLOUR[0]).convert("CMYK")], ".tif")
    assert said(read(cmyk)) == {"cmyk": ({"count": 1, "images": 1}, "")}


def test_more_images_than_memory_holds_are_refused_before_they_are_read(tmp_path, monkeypatch):
    draw(tmp_path, GREY)
    (tmp_path / "9.png").write_bytes(b"never read")
    monkeypatch.setattr(file_limits, "memory", lambda: 400.0)
    error_of(tmp_path, r"7 images like 0\.png take .* unpacked; allowed: .*memory divided by 2")


def test_a_format_that_was_not_asked_for_is_not_tried(tmp_path):
    Image.fromarray(GREY[0]).save(tmp_path / "a.ppm")
    (tmp_path / "a.ppm").rename(tmp_path / "a.png")
    error_of(tmp_path, r"a\.png: cannot be read as an image")
