"""What latente's own processes do before they import anything else; a user's own process is left as it is.

The current folder is removed from ``sys.path``: a file in it named like a module (``queue.py``) would be executed. It
is there with ``python -m latente``, and wherever PYTHONPATH has an empty entry. And a signal that comes before the
command line listens ends the process without a traceback.
"""

# `signal` would import more before the path is right.
import _signal  # type: ignore[import-not-found]
import os
import sys


def ours() -> bool:
    """Whether this process is the command: its script, or ``python -m latente``, whose file is not yet known."""
    first: str = (getattr(sys, "argv", None) or [""])[0]
    if first == "-m":
        return any(a in ("latente", "-mlatente") for a in sys.orig_argv)
    return os.path.basename(first).removesuffix(".exe").removesuffix("-script.py") == "latente"  # noqa: PTH119


def leave_current_folder() -> None:
    """Remove the current folder from ``sys.path``, unless PYTHONPATH names it."""
    if not sys.flags.safe_path and sys.argv[0] == "-m":
        del sys.path[0]
    named = os.environ.get("PYTHONPATH", "")
    if named and not sys.flags.ignore_environment:
        here, kept = os.path.abspath(""), without_empty(named).split(os.pathsep)  # noqa: PTH100
        if kept != named.split(os.pathsep) and here not in (os.path.abspath(k) for k in kept if k):  # noqa: PTH100
            sys.path[:] = [entry for entry in sys.path if entry not in ("", here)]


def without_empty(pythonpath: str) -> str:
    """PYTHONPATH without its empty entries, which Python takes for the current folder."""
    return os.pathsep.join(entry for entry in pythonpath.split(os.pathsep) if entry)


if ours():
    leave_current_folder()
    for number in (_signal.SIGINT, _signal.SIGTERM):
        if _signal.getsignal(number) != _signal.SIG_IGN:
            _signal.signal(number, lambda number, frame: os._exit(128 + number))
