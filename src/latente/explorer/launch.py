"""Open the explorer: serve it until Ctrl-C, in the background of a notebook, or write it as one file."""

from __future__ import annotations

import contextlib
import html
import ipaddress
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latente import stopping
from latente.errors import LatenteError, SpecError
from latente.explorer.widget import HEIGHT, frame, linked
from latente.language.words import Words

if TYPE_CHECKING:
    from latente.evaluation.run import Run

PORT = 8765

POINTS = (".parquet", ".tsv")
"""Suffixes of files that are no page, but the points for other tools."""

Places = Sequence["str | Path | Run"]


def open_explorer(
    *places: str | Path | Run,
    split: str = "validation",
    port: int | None = None,
    host: str = "127.0.0.1",
    export: str | Path | None = None,
    browser: bool = True,
    lang: str | None = None,
    say: Callable[[str], object] = print,
    data: str | Path | None = None,
) -> Path | None:
    """Open a page on one run, two runs to compare, or a study that may still be training; ends with Ctrl-C.

    Args:
        places: run folders, a study's folder, or runs in memory; the first two are compared.
        split: which part's codes are shown first: "train", "validation", "test" or "all".
        port: where to listen; by default 8765, or another where that is taken.
        host: who may reach it; anything but loopback puts a random token into the address.
        export: write one file here instead, which needs no server: the page, or as ``.parquet`` or ``.tsv`` the points
            for other tools (see `export_points`).
        browser: whether to open the browser.
        lang: "en" or "pt"; by default the browser's.
        say: what to call with lines for the user.
        data: where the runs' data is now; None: where it was.

    Returns:
        The file written, with ``export``.

    Raises:
        SpecError: a value that means nothing, or a model that cannot be written as one file.
        StoreError: a folder that is no run or study, or a file that cannot be written.
        DataError: the data of a run is gone or has changed.
    """
    if export is not None and Path(export).suffix in POINTS:
        for path in export_points(places, export, split=split, data=data):
            say(f"{path} written ({path.stat().st_size / 1e6:.1f} MB)")
        return Path(export)
    if export is not None:
        path = export_page(places, export, split=split, lang=lang, data=data)
        say(f"{path} written ({path.stat().st_size / 1e6:.1f} MB); it opens in any browser, without a network")
        return path
    explorer = serve(*places, split=split, port=port, host=host, lang=lang, data=data)
    say(f"{explorer.url}  (Ctrl-C ends it)")
    if browser:
        import webbrowser

        webbrowser.open(explorer.url)
    try:
        while explorer.running:
            stopping.check()
            time.sleep(stopping.POLL)
    except KeyboardInterrupt:
        pass
    finally:
        explorer.stop()
    return None


def export_page(
    places: Places,
    path: str | Path,
    *,
    split: str = "validation",
    lang: str | None = None,
    data: str | Path | None = None,
) -> Path:
    """Write the page of one or two runs as one file; arguments as in `open_explorer`.

    Raises:
        SpecError: more than two runs, or a model that the page cannot compute by itself.
        StoreError: it cannot be written, or a file that is no such page is there.
    """
    from latente.evaluation.outputs import Output, is_page

    page = Output(path, "--export", "page of latente", is_page)
    page.write(export_text(places, split=split, lang=lang, data=data))
    return Path(path)


def export_points(
    places: Places, path: str | Path, *, split: str = "validation", data: str | Path | None = None
) -> list[Path]:
    """Write the codes of one run with all that is known of each example: see `points_file.write_points`.

    Returns:
        The files: one of ``.parquet``, for embedding-atlas; of ``.tsv`` the vectors and their metadata, for
        TensorBoard's projector.

    Raises:
        SpecError: more than one run, another suffix, or Parquet without pyarrow.
        StoreError: another file is there, or it cannot be written.
    """
    from latente.explorer.catalogue import find_runs
    from latente.explorer.points_file import write_points
    from latente.explorer.run_view import check_split

    check_split(split)
    if Path(path).suffix not in POINTS:
        raise SpecError(f"--export: got {Path(path).name}; allowed: a name that ends in {' or '.join(POINTS)}")
    catalogue = find_runs(places, data)
    if len(catalogue.entries) != 1:
        raise SpecError(f"--export: got {len(catalogue.entries)} runs; allowed: one; name its folder")
    return write_points(catalogue[0], split, Path(path))


def export_text(
    places: Places,
    *,
    split: str = "validation",
    lang: str | None = None,
    data: str | Path | None = None,
    link: bool = False,
) -> str:
    """The HTML that `export_page` writes; with ``link`` it tells the notebook that it is in what is selected."""
    from latente.explorer.catalogue import find_runs
    from latente.explorer.export import export
    from latente.explorer.run_view import check_split

    check_split(split)
    catalogue = find_runs(places, data)
    if not 1 <= len(catalogue.entries) <= 2:
        raise SpecError(
            f"--export: got {len(catalogue.entries)} runs; allowed: one, or two to compare; name their folders"
        )
    runs = [(entry.name, catalogue[i]) for i, entry in enumerate(catalogue.entries)]
    return export(runs, split, lang=lang and Words(lang).language, link=link)


def serve(
    *places: str | Path | Run,
    split: str = "validation",
    port: int | None = None,
    host: str = "127.0.0.1",
    lang: str | None = None,
    data: str | Path | None = None,
    link: bool = False,
) -> Explorer:
    """Start the server in a thread of its own; arguments and errors are those of `open_explorer`."""
    from latente.explorer.catalogue import find_runs
    from latente.explorer.run_view import check_split
    from latente.explorer.security import MAX_BODY, is_loopback

    check_split(split)
    catalogue = find_runs(places, data)
    try:
        import uvicorn

        from latente.explorer.build_page import build
        from latente.explorer.connections import Bounded, QuietServer
        from latente.explorer.server import application
    except ModuleNotFoundError as error:
        raise SpecError(
            f"explore needs {error.name}, which is not installed; pip install 'latente[explorer]', "
            "or write one file with --export"
        ) from None
    compare, language = len(places) > 1, lang and Words(lang).language
    finished = [i for i, entry in enumerate(catalogue.entries) if entry.state == "finished"]
    for number in finished[: 2 if compare else 1]:
        # What the page asks first is ready when it opens, and what cannot be opened is said here; of a study's runs
        # others may be fine.
        try:
            catalogue[number].warm(split)
        except LatenteError:
            if not catalogue.entry(number).part_of_study:
                raise
    token = None if is_loopback(host) else secrets.token_urlsafe(24)
    boot: dict[str, Any] = {
        "backend": "server",
        "lang": language,
        "split": split,
        "limit": MAX_BODY,
        "token": token,
        "compare": compare,
        "link": link,
    }
    listening = _socket(host, port)
    number = listening.getsockname()[1]
    app = application(catalogue, build(boot, lang=language), token, () if token else _names(host))
    level = "error" if os.environ.get("LATENTE_DEBUG") else 100
    config = uvicorn.Config(
        app, log_level=level, log_config=None, access_log=False, server_header=False, lifespan="off", backlog=2048,
        ws="none", http=Bounded, timeout_graceful_shutdown=1,
    )  # fmt: skip
    explorer = Explorer(QuietServer(config), listening, "")
    place = next((p for p in _shown(host) if _answers(p, number)), host)
    explorer.url = f"http://{_bracketed(place)}:{number}/" + (f"?token={token}" if token else "")
    return explorer


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _names(host: str) -> tuple[str, ...]:
    """How a request may call a server at that loopback address, beside `LOCAL_NAMES`: as it was said, and as browsers
    write it."""
    with contextlib.suppress(ValueError):
        return _bracketed(host.lower()), _bracketed(str(ipaddress.ip_address(host)))
    return (_bracketed(host.lower()),)


def _shown(host: str) -> list[str]:
    """Names of a server at that host, to be tried in this order; all of the machine's, where it listens at each."""
    if host not in ("0.0.0.0", "::"):
        return [host]
    places = [socket.gethostname()]
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asks:
        # Nothing is sent: it only says by which address this machine would go out.
        asks.connect(("192.0.2.1", 9))
        places.append(asks.getsockname()[0])
    return [*places, "127.0.0.1" if host == "0.0.0.0" else "::1"]


def _answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), 1).close()
    except (OSError, UnicodeError):
        return False
    return True


class Explorer:
    """A server in the background; in a notebook it shows itself as a frame.

    Attributes:
        url: where it is.
    """

    def __init__(self, server: Any, listening: socket.socket, url: str) -> None:
        self.url, self._server = url, server
        # Signals are the main thread's; a thread's server is told to stop by `stop`.
        self._thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        self._thread.start()
        until = time.monotonic() + 10
        while not server.started and self._thread.is_alive() and time.monotonic() < until:
            time.sleep(0.005)
        if not server.started:
            raise SpecError("the server could not be started; choose another --port")

    @property
    def running(self) -> bool:
        """Whether it still answers."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """End it."""
        self._server.should_exit = True
        self._thread.join(5)

    def _repr_html_(self) -> str:
        return f'<iframe src="{html.escape(self.url)}" width="100%" height="{HEIGHT}" style="border:0"></iframe>'

    @property
    def selection(self) -> Any:
        """Only a linked widget has it: see `explore`."""
        raise _unlinked()


class Inline:
    """The whole page inside a notebook's output: it needs no server, and stays when the notebook is sent on."""

    def __init__(self, text: str) -> None:
        self.text = text

    def _repr_html_(self) -> str:
        return frame(self.text)

    @property
    def selection(self) -> Any:
        """Only a linked widget has it: see `explore`."""
        raise _unlinked()


def _unlinked() -> SpecError:
    return SpecError("selection needs anywidget, which is not installed; pip install 'latente[widget]'")


def explore(run: Run, *others: Run, split: str = "validation", lang: str | None = None) -> Any:
    """A page to walk in the latent space: inside the notebook, or a frame of a server where it must compute.

    With the extra ``latente[widget]`` it is linked with the notebook: ``selection`` of what is returned is an array of
    the numbers of the examples that are selected on the page, within the part ``split``, as they are now.

    Args:
        run: what to explore.
        others: runs to compare with.
        split: whose codes are the map: "train", "validation", "test" or "all".
        lang: "en" or "pt"; by default the browser's.

    Raises:
        SpecError: a model that the page cannot show, or the extra ``latente[explorer]`` is not installed.
        DataError: the data of a run is gone or has changed.
    """
    from latente.explorer.export import page_programs
    from latente.explorer.run_view import RunView

    try:
        for one in (run, *others):
            page_programs(RunView(one))
    except SpecError:
        server = serve(run, *others, split=split, port=0, lang=lang, link=True)
        return linked(url=server.url, keeps=server) or server
    text = export_text((run, *others), split=split, lang=lang, link=True)
    return linked(text) or Inline(text)


def _socket(host: str, port: int | None) -> socket.socket:
    if port is not None and not 0 <= port < 65536:
        raise SpecError(f"port: got {port}; allowed: 0 to 65535")
    try:
        found = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM) if host else []
    except (OSError, UnicodeError):
        found = []
    if not found:
        raise SpecError(f'host: got "{host}"; allowed: an address or a name of this machine')
    family = socket.AF_INET if socket.AF_INET in {f for f, *_ in found} else found[0][0]
    for candidate in (PORT, 0) if port is None else (port,):
        # asyncio sends small answers at once (TCP_NODELAY) only where the protocol is named; else each takes 40 ms.
        listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, candidate))
            return listening
        except OSError as error:
            listening.close()
            reason = error.strerror or str(error)
    raise SpecError(f"cannot listen at {host}, port {port}: {reason}; choose another --host or --port")
