"""Image files that a person drops on the page, read with limits; what may go wrong in them is one line, not a crash."""

from __future__ import annotations

import io
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from latente.errors import DataError

MAX_PIXELS = 40_000_000
SIDE = 512
"""The longer side of what is handed to the page, which brings it to the model's shape as it does with drawings."""
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM")


def read_picture(raw: bytes) -> NDArray[Any]:
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
                upright = ImageOps.exif_transpose(image).convert("RGBA")
                upright.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
                return np.asarray(upright)
    except UnidentifiedImageError:
        raise DataError("the file is no image that can be read; allowed: PNG, JPEG, GIF, BMP, WebP, TIFF") from None
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise DataError(f"the image is damaged ({' '.join(str(error).split())[:120]})") from None
