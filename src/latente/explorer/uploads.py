"""Image files that a person drops on the page, read with limits; what may go wrong in them is one line, not a crash."""

from __future__ import annotations

import io
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from latente.errors import DataError

MAX_PIXELS = 40_000_000

SIDE = 512
"""The longer side of what is handed to the page, which brings it to the model's shape as it does with drawings."""

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM")


ORIENTATION = 0x0112

TURNED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What brings an image of that Exif orientation upright."""


def read_image(raw: bytes) -> NDArray[Any]:
    """A file's first image, upright, at most `SIDE` pixels wide and high: uint8, shape (height, width, 4).

    Raises:
        DataError: no image, a damaged one, or one of more than `MAX_PIXELS`.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(raw), formats=FORMATS) as image:
                width, height = image.size
                if width * height > MAX_PIXELS:
                    raise DataError(
                        f"the image has {width} × {height} pixels; allowed: at most {MAX_PIXELS:,}; make it smaller"
                    )
                # A large JPEG is decoded at a fraction of its size; other formats take no notice.
                image.draft("RGB", (SIDE, SIDE))
                turned = TURNED.get(image.getexif().get(ORIENTATION, 1))
                # Made small as soon as its pixels can be averaged, and turned when it is small: it takes four to nine
                # bytes a pixel.
                small = _averageable(image)
                small.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
                upright = small if turned is None else small.transpose(turned)
                return np.asarray(upright.convert("RGBA"))
    except UnidentifiedImageError:
        raise DataError("the file is no image that can be read; allowed: PNG, JPEG, GIF, BMP, WebP, TIFF") from None
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise DataError(f"the image is damaged ({' '.join(str(error).split())[:120]})") from None


def _averageable(image: Image.Image) -> Image.Image:
    """The image in a mode whose values can be averaged and mean what one sees."""
    if image.mode in ("L", "RGB", "RGBA"):
        return image
    if image.mode.startswith("I"):
        # 16 bits a pixel: converting would cut them off instead of scaling them.
        return Image.fromarray((np.clip(np.asarray(image), 0, 65535) / 257).round().astype(np.uint8))
    return image.convert("L" if image.mode == "1" else "RGBA")
