"""A figure as a file, with its caption and a text for who cannot see it."""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.figure import Figure

from latente.report.figures import style


@dataclass(frozen=True)
class Picture:
    """A figure as a file.

    Attributes:
        file: its name.
        mime: its kind.
        content: its bytes.
        size: width and height in CSS pixels.
        caption, alt: what it shows; what is to be seen in it, with units.
        group: the section of the report it stands in: "models", "sweep", or a score's name.
        wide: whether it takes the page's whole width.
        still: the last frame of a film.
    """

    file: str
    mime: str
    content: bytes
    size: tuple[int, int]
    caption: str
    alt: str
    group: str
    wide: bool
    still: bytes | None = None


def as_svg(name: str, figure: Figure, caption: str, alt: str, *, group: str = "models", wide: bool = False) -> Picture:
    """A figure of lines."""
    return Picture(f"{name}.svg", "image/svg+xml", style.svg(figure), _size(figure), caption, alt, group, wide)


def as_png(name: str, figure: Figure, caption: str, alt: str, *, group: str = "models", wide: bool = False) -> Picture:
    """A figure of images, or of very many points."""
    return Picture(f"{name}.png", "image/png", style.png(figure), _size(figure), caption, alt, group, wide)


def _size(figure: Figure) -> tuple[int, int]:
    width, height = (round(96 * float(side)) for side in figure.get_size_inches())
    return width, height
