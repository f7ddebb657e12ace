"""A figure as a file with its caption, and what the captions of a study's figures are made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure

from latente.analysis.trained_models import TrainedModel
from latente.data.split import Data
from latente.data.units import span_of
from latente.errors import DataError
from latente.evaluation.run_data import AbsentData
from latente.language.words import Words
from latente.report.figures import style


@dataclass(frozen=True)
class FigureFile:
    """A figure as a file.

    Attributes:
        file: its name.
        mime: its kind.
        content: its bytes.
        size: width and height in CSS pixels.
        caption, alt: what it shows; what is to be seen in it, with units.
        group: the section of the report it stands in (`latente.report.sections.PICTURED`), or a score's name.
        wide: whether it takes the page's whole width.
        still: the last frame of an animation.
        is_chart: whether it is lines, points and text alone, whose colours may be turned in a dark page.
        finding: what it shows of these runs, in a sentence that leads its caption; "" for none.
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
    finding: str = ""
    is_chart: bool = False


def as_svg(
    name: str, figure: Figure, caption: str, alt: str, *, group: str, wide: bool = False, finding: str = ""
) -> FigureFile:
    """A figure of lines."""
    content, size = style.svg(figure), _size(figure)
    mime = "image/svg+xml"
    return FigureFile(f"{name}.svg", mime, content, size, caption, alt, group, wide, finding=finding, is_chart=True)


def as_png(
    name: str,
    figure: Figure,
    caption: str,
    alt: str,
    *,
    group: str,
    wide: bool = False,
    finding: str = "",
    dpi: int = style.DPI,
    is_chart: bool = False,
) -> FigureFile:
    """A figure of images, or of very many points."""
    content, size = style.png(figure, dpi), _size(figure)
    mime = "image/png"
    return FigureFile(f"{name}.png", mime, content, size, caption, alt, group, wide, finding=finding, is_chart=is_chart)


def _size(figure: Figure) -> tuple[int, int]:
    width, height = (round(96 * float(side)) for side in figure.get_size_inches())
    return width, height


@dataclass
class FigureContext:
    """The models that figures show, their data, and the language of the captions.

    Attributes:
        trained: the models.
        data: what they were trained on.
        words: the language.
    """

    trained: Sequence[TrainedModel]
    data: Data
    words: Words

    @property
    def unit(self) -> str:
        """What nats are counted for: an "image" or an "example"."""
        return "image" if self.data.is_image else "example"

    @property
    def span(self) -> tuple[float, float]:
        """The model values of black and white."""
        return span_of(*self.trained[0].first.card["range"])

    def seed(self, *models: TrainedModel) -> str:
        """Which seed is shown, where there are several; it follows a caption."""
        several = any(len(m.runs) > 1 for m in models)
        return " " + self.words("figure.seed", seed=models[0].first.spec.seed) if several else ""

    def texts(self, key: str, *models: TrainedModel, **values: Any) -> tuple[str, str]:
        """A figure's caption, with the seed that is shown, and its text for who cannot see it."""
        return self.words(f"{key}.caption", **values) + self.seed(*models), self.words(f"{key}.alt", **values)

    def number(self, value: float, form: str = ".2f") -> str:
        """A number in the language."""
        return self.words.number(float(value), form)


def possible(drawing: Iterator[FigureFile], data: Data) -> Iterator[FigureFile]:
    """Figures as far as they can be drawn: without the data, those up to the first that needs it."""
    try:
        yield from drawing
    except DataError:
        if not isinstance(data, AbsentData):
            raise
