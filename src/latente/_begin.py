"""What a process of latente's own does before it imports anything else; a process of a user's own is left as it is.

The current folder leaves the path: a file in it that is called like a module (``queue.py``) would be executed. It is on
the path with ``python -m latente``, and wherever PYTHONPATH has an empty entry. And a signal that comes before the
command line listens ends the process, without a traceback.
"""

# `signal` would import more before the path is right.
import _signal  # type: ignore[import-not-found]
import os
import sys


def ours() -> bool:
    """Whether this process is the command: its script, or ``python -m latente``, whose file is still looked for."""
    first: str = (getattr(sys, "argv", None) or [""])[0]
    if first == "-m":
        return any(a in ("latente", "-mlatente") for a in sys.orig_argv)
    return os.path.basename(first).removesuffix(".exe").removesuffix("-script.py") == "latente"  # noqa: PTH119


def leave_current_folder() -> None:
    """Take the current folder from the path, unless PYTHONPATH names it."""
    if not sys.flags.safe_path and sys.argv[0] == "-m":
        del sys.path[0]
    named = os.environ.get("PYTHONPATH", "")
    if named and not sys.flags.ignore_environment:
        here, kept = os.path.abspath(""), without_empty(named).split(os.pathsep)  # noqa: PTH100
        if kept != named.split(os.pathsep) and here not in (os.path.abspath(k) for k in kept if k):  # noqa: PTH100
            sys.path[:] = [entry for entry in sys.path if entry not in ("", here)]


def without_empty(pythonpath: str) -> str:
    """PYTHONPATH without the entries that Python takes for the current folder although nobody wrote it."""
    return os.pathsep.join(entry for entry in pythonpath.split(os.pathsep) if entry)


if ours():
    leave_current_folder()
    for number in (_signal.SIGINT, _signal.SIGTERM):
        if _signal.getsignal(number) != _signal.SIG_IGN:
            _signal.signal(number, lambda number, frame: os._exit(128 + number))
