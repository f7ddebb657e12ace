"""Plug-ins: parts from outside, of installed packages or of single Python files; which of them a run used.

A package is one by an entry point of the group "latente", which names a module; importing that registers what it has.
All are imported when a registry is first asked for something, so that a help costs nothing. A file is executed only
where its user names it; what a run's or a study's folder says is compared with what is there, and never executed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import sys
import threading
import traceback
import types
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from latente.errors import LatenteWarning, SpecError, StoreError

GROUP = "latente"
"""Of the entry points."""

NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,98}[A-Za-z0-9])?")
"""Of a package, and nothing that a shell would take for more."""

MODULE = "_latente_file_"
"""What the modules of files are called, before the first digits of their SHA-256."""

LOCAL = "a part of this process"
"""Whose a part is that neither latente nor a plug-in has registered, as in a notebook."""

Key = tuple[str, str]
"""A part: what kind it is of, and its name."""


@dataclass(frozen=True)
class Plugin:
    """Where parts come from.

    Attributes:
        name: the package's, as pip has it; or the file's.
        version: the package's; "" of a file.
        sha256: of the file's content, in hexadecimal; "" of a package.
        path: where the file is; "" of a package, and where it is not known.
    """

    name: str
    version: str = ""
    sha256: str = ""
    path: str = field(default="", compare=False)

    def __str__(self) -> str:
        return f"{self.name} (SHA-256 {self.sha256[:12]}…)" if self.sha256 else f"{self.name} {self.version}"


@dataclass(frozen=True)
class Used:
    """A plug-in, and the parts of it that a run or a study has."""

    plugin: Plugin
    parts: tuple[Key, ...]

    def table(self) -> dict[str, Any]:
        """As spec.json and study.json have it."""
        own = self.plugin
        about = {"package": own.name, "version": own.version}
        if own.sha256:
            about = {"file": own.name, "sha256": own.sha256}
        kinds = dict.fromkeys(kind for kind, _ in self.parts)
        return {**about, "parts": {kind: [name for k, name in self.parts if k == kind] for kind in kinds}}

    def __str__(self) -> str:
        return f"{self.plugin}: " + ", ".join(f"{kind} {name}" for kind, name in self.parts)


_parts: dict[Key, tuple[str, Callable[[], None]]] = {}
"""Of each part the module that registered it, and what takes it back."""
_points: dict[str, Plugin] = {}
"""The modules of entry points and files, and whose they are."""
_broken: dict[str, str] = {}
"""Packages of which an entry point could not be imported, and why."""
_lock = threading.RLock()
_state = "fresh"


def registered(kind: str, name: str, module: str, remove: Callable[[], None]) -> None:
    """Note that a part was registered by a module; ``remove`` takes it back, where the rest of a plug-in fails."""
    _parts[kind, name] = module, remove


def _module(kind: str, name: str) -> str:
    return _parts[kind, name][0] if (kind, name) in _parts else ""


def clash(kind: str, name: str) -> ValueError:
    """The error for a part of a name that another has."""
    return ValueError(f'{kind} "{name}" is registered twice, first by {_whose(kind, name)}')


def owner(kind: str, name: str) -> Plugin | None:
    """The plug-in that a part is of; None where it is latente's, of this process alone, or unknown."""
    load()
    return _owner(kind, name)


def _owner(kind: str, name: str) -> Plugin | None:
    module = _module(kind, name).split(".")
    # A package may register in another of its modules than its entry point names.
    best, found = 0, None
    for point, plugin in _points.items():
        shared = 0
        for a, b in zip(module, point.split("."), strict=False):
            if a != b:
                break
            shared += 1
        if shared > best:
            best, found = shared, plugin
    return found


def is_local(kind: str, name: str) -> bool:
    """Whether a part was registered in this process alone, by no plug-in and not by latente, so that no other knows."""
    return whose(kind, name) == LOCAL


def whose(kind: str, name: str) -> str:
    """Of a part that is registered, the plug-in with its version, or else "latente" or `LOCAL`; "" of any other."""
    load()
    return _whose(kind, name)


def _whose(kind: str, name: str) -> str:
    module = _module(kind, name)
    if not module:
        return ""
    return str(_owner(kind, name) or ("latente" if _top(module) == "latente" else LOCAL))


def used(parts: Iterable[Key]) -> tuple[Used, ...]:
    """The plug-ins that some parts are of, sorted by name, each with its parts."""
    found: dict[Plugin, list[Key]] = {}
    for part in dict.fromkeys(parts):
        plugin = owner(*part)
        if plugin is not None:
            found.setdefault(plugin, []).append(part)
    return tuple(Used(p, tuple(found[p])) for p in sorted(found, key=lambda p: (p.name, p.sha256)))


def registered_by_plugins(*kinds: str) -> list[Key]:
    """The parts of these kinds that plug-ins have registered."""
    load()
    return [part for part in _parts if part[0] in kinds and _owner(*part) is not None]


def installed() -> list[Plugin]:
    """The packages that were imported, by name."""
    load()
    return sorted({plugin for plugin in _points.values() if not plugin.path}, key=str)


def files() -> list[Plugin]:
    """The files that were loaded, in their order; other processes that work for this one load them, too."""
    return [plugin for plugin in _points.values() if plugin.path]


def load() -> None:
    """Import every installed plug-in, once in a process; of one that fails a warning says why, and the rest works."""
    global _state
    if _state == "done":
        return
    with _lock:
        if _state != "fresh":
            return
        _state = "loading"
        for name, module, plugin in _installed():
            try:
                with _transaction():
                    _import(module)
            except (Exception, SystemExit) as error:
                if os.environ.get("LATENTE_DEBUG"):
                    raise
                _points.pop(module, None)
                _broken[plugin.name] = _reason(error)
                _warn(f'plug-in "{name}" of {plugin} is left out: its import fails with {_reason(error)}')
        _state = "done"


def load_plugin(path: str | os.PathLike[str]) -> Plugin:
    """Execute a Python file of yours, for the parts that it registers; once, as long as its content is the same.

    A run that uses them keeps the file's name and fingerprint, and `latente.load` asks for it. What an earlier content
    of the same file has registered is taken back first. The file's folder is not where imports are looked for.

    Args:
        path: the file, which ends in ``.py``.

    Returns:
        The plug-in that the file is.

    Raises:
        SpecError: no such file, no Python file, an error of its own (with the line), or a name that exists.
    """
    load()
    file = Path(path).expanduser().absolute()
    if file.suffix != ".py":
        raise SpecError(f"plug-in: got {file.name}; allowed: a Python file, whose name ends in .py")
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        raise SpecError(f"plug-in: there is no file {file}") from None
    except OSError as error:
        raise SpecError(f"plug-in: {file} cannot be read ({error.strerror})") from None
    plugin = Plugin(file.name, sha256=hashlib.sha256(content).hexdigest(), path=str(file))
    module = MODULE + plugin.sha256[:16]
    with _lock:
        if module in _points:
            return _points[module]
        for before in [name for name, known in _points.items() if known.path == plugin.path]:
            _take_back(key for key, (own, _) in list(_parts.items()) if own == before)
            del _points[before]
        _points[module] = plugin
        try:
            with _transaction():
                _execute(module, content, file)
        except (Exception, SystemExit) as error:
            del _points[module]
            if os.environ.get("LATENTE_DEBUG"):
                raise
            raise SpecError(f"plug-in {file.name}: {_reason(error, file)}") from error
    return plugin


def is_loaded(path: Path) -> bool:
    """Whether a file, with the content that it has now, was loaded already."""
    try:
        return MODULE + hashlib.sha256(path.read_bytes()).hexdigest()[:16] in _points
    except OSError:
        return False


def read_used(value: Any) -> tuple[Used, ...]:
    """What `Used.table` made, of a list of plug-ins.

    Raises:
        TypeError, KeyError, ValueError: it is no such value.
    """
    found = []
    for table in _of(value, list):
        parts = _of(_of(table, dict)["parts"], dict)
        keys = tuple((_of(kind, str), _of(name, str)) for kind, names in parts.items() for name in _of(names, list))
        if "file" in table:
            plugin = Plugin(_of(table["file"], str), sha256=_of(table["sha256"], str))
            fine = bool(re.fullmatch(r"[0-9a-f]{64}", plugin.sha256)) and Path(plugin.name).name == plugin.name
        else:
            plugin = Plugin(_of(table["package"], str), _of(table["version"], str))
            fine = bool(NAME.fullmatch(plugin.name) and re.fullmatch(r"[A-Za-z0-9.!+_?-]{1,100}", plugin.version))
        if not fine:
            raise ValueError(f"{plugin.name!r} is no name of a plug-in")
        found.append(Used(plugin, keys))
    return tuple(found)


def of_kind(found: Iterable[Used], *kinds: str, others: bool = False) -> tuple[Used, ...]:
    """The same with the parts of these kinds alone, or of the others; a plug-in without such parts is left out."""
    kept = [Used(one.plugin, tuple(p for p in one.parts if (p[0] in kinds) != others)) for one in found]
    return tuple(one for one in kept if one.parts)


def require(needed: Iterable[Used], where: str | Path, *, warn: bool = True) -> None:
    """Say what to install, or which file to give, where a part is not there, and warn where it is another's.

    Args:
        needed: what a run or a study was made with.
        where: what is opened, for messages.
        warn: whether to warn of parts that are another version's or plug-in's; `differing` tells them, too.

    Raises:
        StoreError: a part is not there.
    """
    load()
    for one in needed:
        plugin = one.plugin
        for kind, name in one.parts:
            if (kind, name) in _parts:
                continue
            if plugin.sha256:
                raise StoreError(
                    f'{where}: its {kind} "{name}" comes from the file {plugin}, which is not loaded; if you have it '
                    f'and trust it, give it: --plugin {plugin.name}, or latente.load_plugin("{plugin.name}") in Python'
                )
            there = next((p for p in _points.values() if p.name == plugin.name), None)
            if plugin.name in _broken:
                raise StoreError(
                    f'{where}: its {kind} "{name}" comes from the plug-in {plugin}, whose import fails with '
                    f"{_broken[plugin.name]}"
                )
            if there is not None:
                raise StoreError(
                    f'{where}: its {kind} "{name}" comes from the plug-in {plugin}, and {there} has none; install '
                    f"{plugin.name}=={plugin.version}"
                )
            raise StoreError(
                f'{where}: its {kind} "{name}" comes from the plug-in {plugin}, which is not installed; if you '
                f"trust it, pip install {plugin.name}=={plugin.version}"
            )
    for now, then in differing(needed) if warn else ():
        # The same for many runs is said once.
        _warn(f"what was made with {then} is opened with {now}, and what they compute may differ")


def differing(needed: Iterable[Used]) -> list[tuple[str, str]]:
    """What the parts are of here, and what they were of, where that is another version, file or plug-in."""
    found: dict[tuple[str, str], None] = {}
    for one in needed:
        for part in one.parts:
            if part in _parts and owner(*part) != one.plugin:
                found[whose(*part), str(one.plugin)] = None
    return list(found)


def _installed() -> Iterator[tuple[str, str, Plugin]]:
    """The entry points: what each is called, its module, and whose it is; a name that two have is left out."""
    from importlib.metadata import entry_points

    named: dict[str, dict[tuple[str, str], str]] = {}
    for point in entry_points(group=GROUP):
        about = point.dist
        package = (about.name, about.version or "?") if about is not None else (point.module, "?")
        named.setdefault(point.name, {})[package] = point.module
    for name, modules in sorted(named.items()):
        if len(modules) > 1:
            several = " and ".join(" ".join(package) for package in sorted(modules))
            _broken.update({package: f'a name, "{name}", that another plug-in has too' for package, _ in modules})
            _warn(f'plug-in "{name}": {several} are both called so, and neither is loaded; uninstall one')
            continue
        about_one, module = next(iter(modules.items()))
        _points[module] = Plugin(*about_one)
        yield name, module, _points[module]


def _import(module: str) -> None:
    import importlib

    importlib.import_module(module)


def _execute(module: str, content: bytes, file: Path) -> None:
    made = types.ModuleType(module)
    made.__file__ = str(file)
    # Dataclasses look their own module up.
    sys.modules[module] = made
    exec(compile(content, str(file), "exec"), made.__dict__)


@contextlib.contextmanager
def _transaction() -> Iterator[None]:
    """Where what is done within fails, nothing that it registered or imported of plug-ins stays; latente's own does."""
    modules, parts = set(sys.modules), set(_parts)
    try:
        with _computing():
            yield
    except BaseException:
        _take_back(key for key in list(_parts) if key not in parts and _top(_module(*key)) != "latente")
        tops = set(map(_top, _points))
        for name in set(sys.modules) - modules:
            if _top(name) in tops:
                del sys.modules[name]
        raise


def _top(module: str) -> str:
    return module.partition(".")[0]


def _computing() -> contextlib.AbstractContextManager[Any]:
    """Arrays that a plug-in makes when it is imported are arrays, also where JAX is tracing just then."""
    eagerly = getattr(sys.modules.get("jax"), "ensure_compile_time_eval", contextlib.nullcontext)
    return eagerly()


def _take_back(keys: Iterable[Key]) -> None:
    for key in keys:
        _parts.pop(key)[1]()


def _reason(error: BaseException, file: Path | None = None) -> str:
    text = " ".join(str(error).split())[:300]
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
    if isinstance(error, SyntaxError) and error.filename == str(file):
        lines, text = [error.lineno], error.msg
    where = f"line {lines[-1]}: " if lines else ""
    return f"{where}{type(error).__name__}: {text}" if text else f"{where}{type(error).__name__}"


def _of(value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise TypeError(f"{type(value).__name__} where {kind.__name__} should be")
    return value


def _warn(text: str) -> None:
    warnings.warn(text, LatenteWarning, stacklevel=4)
