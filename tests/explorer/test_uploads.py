"""Image files of every kind and damage."""

import io
import struct
import threading
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from client import alive
from packed import unpack
from PIL import Image


def png(width, height, raw):
    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", raw) + chunk(b"IEND", b"")


def test_pictures_of_every_damage(ask, vae):
    image = Image.fromarray(np.arange(56, dtype=np.uint8).reshape(8, 7))
    out = io.BytesIO()
    image.save(out, "PNG")
    whole = out.getvalue()
    _, found = unpack(ask("POST", "/api/picture", whole)[2])
    np.testing.assert_array_equal(found["pixels"][..., 0], np.asarray(image))
    assert (found["pixels"][..., 3] == 255).all()
    # 400 million pixels in half a megabyte, and 90 million in less.
    bombs = [png(20000, 20000, zlib.compress(bytes(10**7), 9)), png(9500, 9500, zlib.compress(bytes(10**6), 9))]
    for raw, says in [(b, b"pixels") for b in bombs] + [
        (whole[: len(whole) // 2], b"image"), (whole[:40], b"image"), (whole[:20], b"image"),
        (png(7, 8, b"not deflate"), b"image"), (whole.replace(b"IHDR", b"IHDX"), b"image"),
    ]:  # fmt: skip
        status, _, text = ask("POST", "/api/picture", raw)
        assert status == 422 and says in text and b"\n" not in text, text
    large = io.BytesIO()
    Image.new("RGB", (3000, 100), "red").save(large, "JPEG")
    _, found = unpack(ask("POST", "/api/picture", large.getvalue())[2])
    assert found["pixels"].shape[1] <= 512 and abs(int(found["pixels"][0, 0, 0]) - 254) < 4
    alive(ask, vae)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read in /proc")
def test_large_pictures_are_read_one_at_a_time(ask, vae):
    out = io.BytesIO()
    Image.new("P", (8000, 5000), 3).save(out, "PNG")

    def resident():
        return int(Path("/proc/self/status").read_text().split("VmRSS:")[1].split()[0]) / 1024

    before, peak, found = resident(), 0.0, []
    senders = [
        threading.Thread(target=lambda: found.append(ask("POST", "/api/picture", out.getvalue())[0])) for _ in range(4)
    ]
    for sender in senders:
        sender.start()
    while any(sender.is_alive() for sender in senders):
        peak = max(peak, resident())
        time.sleep(0.002)
    assert found == [200] * 4
    assert 30 < peak - before < 500


def test_a_picture_is_what_one_sees(ask):
    def pixels(image, form="PNG", **options):
        out = io.BytesIO()
        image.save(out, form, **options)
        return unpack(ask("POST", "/api/picture", out.getvalue())[2])[1]["pixels"]

    ramp = np.linspace(0, 65535, 56).round().astype(np.uint16).reshape(8, 7)
    np.testing.assert_array_equal(pixels(Image.fromarray(ramp))[..., 0], np.round(ramp / 257))
    bits = np.arange(56).reshape(8, 7) % 2 == 0
    np.testing.assert_array_equal(pixels(Image.fromarray(bits))[..., 1], 255 * bits)
    grey = Image.fromarray(np.arange(56, dtype=np.uint8).reshape(8, 7))
    exif = Image.Exif()
    for orientation, turned in ((6, np.rot90(np.asarray(grey), -1)), (3, np.rot90(np.asarray(grey), 2))):
        exif[0x0112] = orientation
        np.testing.assert_array_equal(pixels(grey, exif=exif)[..., 2], turned)
