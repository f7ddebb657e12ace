"""Figures as a page holds them: the same pictures as their files, in fewer bytes."""

from __future__ import annotations

import base64
import io
import re
from urllib.parse import quote

import numpy as np

from latente.report.figures.figure_file import FigureFile

GREYS = 64

SAFE = " '/:=,;()!*@+?$|"
"""Characters that mean nothing in an address of ``data:`` nor in an attribute in double quotes."""


def uri(mime: str, content: bytes) -> str:
    """Content as a ``data:`` address."""
    return f"data:{mime};base64,{base64.b64encode(content).decode()}"


def text_uri(mime: str, content: bytes) -> str:
    """Content that is text as a ``data:`` address a quarter shorter: it may stand in double quotes as it is."""
    if b"'" in content:
        return uri(mime, content)
    single = content.replace(b'"', b"'")
    return f"data:{mime},{quote(single, safe=SAFE)}"


def picture(figure: FigureFile) -> str:
    """A figure as a ``data:`` address: an SVG without what nothing refers to, a PNG as WebP of the same pixels.

    Greys are told apart to `GREYS` steps, which is finer than a screen shows in images this small.
    """
    if figure.mime == "image/svg+xml":
        return text_uri(figure.mime, smaller_svg(figure.content))
    if figure.mime == "image/png":
        found = as_webp(figure.content)
        return uri("image/webp", found) if len(found) < len(figure.content) else uri(figure.mime, figure.content)
    return uri(figure.mime, figure.content)


def as_webp(png: bytes) -> bytes:
    """The same pixels as lossless WebP, greys to `GREYS` steps."""
    from PIL import Image

    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))
    if (pixels == pixels[:, :, :1]).all():
        pixels = np.round(np.round(pixels * ((GREYS - 1) / 255)) * (255 / (GREYS - 1))).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "WEBP", lossless=True, quality=100, method=4)
    return out.getvalue()


def smaller_svg(svg: bytes) -> bytes:
    """An SVG of matplotlib's that looks the same: to a hundredth of a point, which is finer than any screen."""
    used = set(re.findall(rb'(?:href="#|url\(#)([^")]+)', svg))
    svg = re.sub(rb' id="([^"]+)"', lambda found: found.group(0) if found.group(1) in used else b"", svg)
    svg = re.sub(rb"\b[1-9]\d*\.\d{3,}", lambda found: b"%.2f" % float(found.group(0)), svg)
    svg = re.sub(rb"\s*\n\s*", b" ", svg).replace(b"> <", b"><").replace(b"DejaVuSans-", b"D")
    svg = re.sub(rb'transform="translate\(([\d.]+) 0\)"', rb'x="\1"', svg)
    return re.sub(rb"<g>((?:<(?:path|use)[^>]*/>)*)</g>", rb"\1", svg)
