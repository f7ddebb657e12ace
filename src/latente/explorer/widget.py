"""The explorer inside a notebook, linked with it: what is selected on the page is an array in Python."""

from __future__ import annotations

import html
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

HEIGHT = 760
"""Of the frame, in pixels: room for the map beside the side panel, which scrolls by itself."""


def frame(text: str) -> str:
    """The page in a frame without an origin of its own, so that it can neither reach the notebook nor be reached."""
    return (
        f'<iframe srcdoc="{html.escape(text)}" width="100%" height="{HEIGHT}" style="border:0" '
        'sandbox="allow-scripts allow-downloads"></iframe>'
    )


def linked(text: str = "", url: str = "", keeps: Any = None) -> Any:
    """A widget with the page in a frame, as its text or from a server, or None where anywidget is not installed.

    Its ``selection`` is an int64 array of the numbers of the selected examples within the part ``split``, which follows
    what is done on the page. Numbers are all that the page tells the notebook, and nobody else is told.

    Args:
        text: the whole page, as one file; empty with ``url``.
        url: of a server.
        keeps: what must live as long as the widget, such as that server.
    """
    try:
        import anywidget
        import traitlets
    except ModuleNotFoundError:
        return None

    class LinkedExplorer(anywidget.AnyWidget):  # type: ignore[misc]
        """The page, and what is selected on it."""

        _esm = files("latente.explorer").joinpath("widget.js").read_text(encoding="utf-8")
        _page = traitlets.Unicode(text).tag(sync=True)
        _url = traitlets.Unicode(url).tag(sync=True)
        _height = traitlets.Int(HEIGHT).tag(sync=True)
        _index = traitlets.List(traitlets.Int()).tag(sync=True)
        split = traitlets.Unicode("").tag(sync=True)

        @property
        def selection(self) -> NDArray[np.int64]:
            """The numbers of the selected examples within ``split``, in rising order; empty where none is."""
            return np.array(self._index, np.int64)

        def _repr_mimebundle_(self, **kwargs: Any) -> Any:
            found = super()._repr_mimebundle_(**kwargs)
            # Where the notebook is sent on there is no widget: the page itself stays.
            for bundle in found[:1] if isinstance(found, tuple) and text else ():
                bundle["text/html"] = frame(text)
            return found

    widget = LinkedExplorer()
    widget.keeps = keeps
    return widget
