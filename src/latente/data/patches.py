"""Colour patches of two photographs that scikit-learn ships: harder data that needs no download."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latente.data.source import Source, make_source
from latente.errors import DataError
from latente.spec import got

PHOTOGRAPHS = ("china", "flower")
"""What the photographs show, the patches' labels: a temple under trees and sky, and a flower."""
HEIGHT, WIDTH = 427, 640

CREDIT = (
    "china.jpg (flickr.com/photos/danielbuechele/6061409035) and flower.jpg (flickr.com/photos/vultilion/6056698931) "
    "of scikit-learn, which releases them under CC BY 2.0 (creativecommons.org/licenses/by/2.0) and names "
    "danielbuechele as the author of both"
)


def patches(side: int = 32, stride: int = 8, tile: int = 64) -> Source:
    """Square patches of the photographs china.jpg and flower.jpg, in bytes, (n, side, side, 3), labelled by photograph.

    Each photograph is cut into tiles that do not overlap, from its upper left corner, and each tile into patches,
    ``stride`` pixels from one to the next. Patches of one tile overlap; those of two tiles share no pixel. A tile is a
    group (`Source.group`), which a split keeps whole, so that no pixel of a validation or test patch was trained on,
    whatever the seed. By default 60 tiles a photograph of 25 patches each: 3,000 of 32 × 32.

    Args:
        side: of a patch, in pixels.
        stride: from one patch of a tile to the next, in pixels.
        tile: side of a tile, in pixels.

    Raises:
        SpecError: a number out of range.
        DataError: the photographs are missing, damaged, or others than those known.
    """
    for name, value, low, high in (("tile", tile, 4, 128), ("side", side, 4, tile), ("stride", stride, 1, tile)):
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise got(name, value, f"a whole number of {low} to {high}")
    found: list[NDArray[np.uint8]] = []
    labels: list[str] = []
    groups: list[int] = []
    for label, photograph in enumerate(_photographs()):
        for top in range(0, HEIGHT - tile + 1, tile):
            for left in range(0, WIDTH - tile + 1, tile):
                at = range(0, tile - side + 1, stride)
                cut = [photograph[top + y : top + y + side, left + x : left + x + side] for y in at for x in at]
                groups += [groups[-1] + 1 if groups else 0] * len(cut)
                labels += [PHOTOGRAPHS[label]] * len(cut)
                found += cut
    source = make_source("patches", np.stack(found), np.array(labels))
    return dataclasses.replace(source, group=np.array(groups, np.int64), credit=CREDIT)


def _photographs() -> list[NDArray[np.uint8]]:
    try:
        from sklearn.datasets import load_sample_images

        images: list[Any] = load_sample_images().images
    except Exception as error:  # a reader of pictures may raise anything
        why = " ".join(str(error).split())[:160]
        raise DataError(
            f"patches: the photographs that scikit-learn ships cannot be read ({why}); reinstall scikit-learn and "
            "Pillow"
        ) from error
    if [i.shape for i in images] != [(HEIGHT, WIDTH, 3)] * len(PHOTOGRAPHS) or any(i.dtype != np.uint8 for i in images):
        shapes = ", ".join(str(i.shape) for i in images)
        raise DataError(f"patches: scikit-learn ships other photographs than china and flower ({shapes})")
    return images
