"""The layout holds: a room imports only rooms before it, nothing goes in circles, and names lead to their rooms."""

import ast
import functools
import re
import subprocess
import sys
from pathlib import Path

import pytest

import latente

SRC = Path(latente.__file__).parent
TESTS = Path(__file__).parent
FOUNDATION = {
    "_begin", "_version", "atomic", "compiling", "errors", "language", "memory", "plain", "plugins", "program_cache",
    "registry",
    "spec", "stopping", "terminal",
}  # fmt: skip
ROOMS = [
    "data", "model", "objective", "training", "evaluation", "export", "analysis", "report", "sklearn", "studies",
    "explorer", "cli",
]  # fmt: skip
APART = {"explorer": {"analysis", "report", "studies", "sklearn"}, "studies": {"sklearn"}}
"""What a room does not import although it stands before it."""

DOORS = {
    ("evaluation/run.py", "score"), ("evaluation/run.py", "explore"), ("evaluation/run.py", "plot"),
    ("evaluation/run.py", "export"),
    ("analysis/ranking.py", "text"), ("analysis/ranking.py", "plot"), ("analysis/elbow.py", "plot"),
}  # fmt: skip
"""Methods that people type and complete, of two lines: each calls the package's function of a room further down."""

LONG = 60
"""Lines of a module above which a test file has its name."""
TOGETHER = {
    "analysis/conclusions/test_registry.py": "made_up",
    "analysis/test_data_check.py": "analysis/conclusions/data_rules",
    # Small parts of one family, which one compiled program or one table of cases holds to the same truths.
    "model/flows/test_layers.py": "affine autoregressive coupling made planar",
    "model/likelihoods/test_base.py": "checks columns numeric",
    "model/networks/test_convolutional.py": "base gated",
    "model/posteriors/test_quantised.py": "fsq vq objective/objectives/vq",
    "model/posteriors/test_flow.py": "iaf",
    "model/posteriors/test_vmf.py": "vmf_angle",
    "objective/objectives/test_autoencoders.py": "contractive denoising regularised sparse",
    "objective/objectives/test_held_kl.py": "capacity freebits",
}
"""Modules that have no test file of their own, by the one that tests them; a bare name stands in the same folder."""


def modules():
    return sorted(p for p in SRC.rglob("*.py"))


def name_of(path):
    parts = path.relative_to(SRC.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


KNOWN = {name_of(p): p for p in modules()}


@functools.cache
def parsed(path):
    return ast.parse(path.read_text())


@functools.cache
def imported(path):
    """The modules of latente that a file imports, anywhere in it and for types only too: (module, where it stands)."""
    found = []
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "latente":
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                found.append(((full if full in KNOWN else node.module), node))
        elif isinstance(node, ast.Import):
            found += [(a.name, node) for a in node.names if a.name.split(".")[0] == "latente"]
    return found


def room(module):
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


@functools.cache
def doors(path):
    """The nodes of the listed methods of a file."""
    names = {name for file, name in DOORS if path == SRC / file}
    members = [n for c in ast.walk(parsed(path)) if isinstance(c, ast.ClassDef) for n in c.body]
    return {n.name: n for n in members if isinstance(n, ast.FunctionDef) and n.name in names}


def in_door(path, node):
    return any(door.lineno <= node.lineno <= door.end_lineno for door in doors(path).values())


def test_rooms_are_all_there():
    found = {p.name for p in SRC.iterdir() if p.is_dir() and p.name != "__pycache__"}
    assert found == {*ROOMS, "language"}
    files = {p.stem for p in SRC.glob("*.py")} - {"__init__", "__main__"}
    assert files | {"language"} == FOUNDATION


@pytest.mark.parametrize("here", ROOMS)
def test_a_room_imports_only_rooms_before_it(here):
    allowed = (FOUNDATION | set(ROOMS[: ROOMS.index(here) + 1])) - APART.get(here, set())
    for path in (SRC / here).rglob("*.py"):
        for module, node in imported(path):
            door = module == "latente" and in_door(path, node)
            assert door or room(module) in allowed, f"{path}:{node.lineno} imports {module}"


@pytest.mark.parametrize("name", sorted(FOUNDATION))
def test_the_foundation_imports_no_room(name):
    files = [SRC / f"{name}.py"] if (SRC / f"{name}.py").exists() else list((SRC / name).rglob("*.py"))
    for path in files:
        for module, node in imported(path):
            assert room(module) in FOUNDATION, f"{path}:{node.lineno} imports {module}"


def test_no_module_is_named_in_a_string():
    """What is imported by name cannot be seen; only the package's own lazy names and registries do so."""
    for path in modules():
        if path in (SRC / "__init__.py", SRC / "registry.py"):
            continue
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
                said = [c.value for c in ast.walk(node) if isinstance(c, ast.Constant)]
                assert not any(str(s).startswith("latente") for s in said), f"{path}:{node.lineno}"


def test_doors_are_two_lines():
    for file in sorted({file for file, _ in DOORS}):
        found = doors(SRC / file)
        assert set(found) == {name for f, name in DOORS if f == file}
        for method in found.values():
            body = [n for n in method.body if not (isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant))]
            assert len(body) <= 2 and isinstance(body[-1], ast.Return), f"{file}: {method.name}"
            assert "latente." in ast.unparse(body[-1])


def test_no_imports_go_in_a_circle():
    """Of files; what is imported for types only counts, and so does what is imported inside a function."""
    graph = {}
    for path in modules():
        found = {module for module, node in imported(path) if not in_door(path, node)}
        graph[name_of(path)] = (found & KNOWN.keys()) - {name_of(path)}
    # A package found by import holds its parts, and they its base: what it names counts, what it finds does not.
    circles, state = [], {}

    def visit(module, trail):
        state[module] = "open"
        for other in sorted(graph.get(module, ())):
            if state.get(other) == "open":
                circles.append([*trail[trail.index(other) :], other])
            elif other not in state:
                visit(other, [*trail, other])
        state[module] = "done"

    for module in graph:
        if module not in state:
            visit(module, [module])
    assert not circles, "\n".join(" → ".join(c) for c in circles)


def test_public_names_are_all_there_and_sorted_by_kind():
    assert set(latente.__all__) == set(latente._HOME) | {
        "__version__", "LatenteError", "LatenteWarning", "SpecError", "DataError", "DownloadError", "StoreError",
        "TrainingError",
    }  # fmt: skip
    for name in latente.__all__:
        assert getattr(latente, name) is not None
    with pytest.raises(AttributeError, match="no attribute"):
        _ = latente.nothing


def test_no_two_public_classes_share_a_name():
    """But for what people call an autoencoder: an estimator of scikit-learn's, beside the model that it trains."""
    homes = {}
    for path in modules():
        for node in parsed(path).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes.setdefault(node.name, []).append(name_of(path))
    assert homes.pop("Autoencoder") == ["latente.model.autoencoder", "latente.sklearn.autoencoder"]
    assert not {name: found for name, found in homes.items() if len(found) > 1}


def elsewhere():
    """The modules of `TOGETHER`, by the test file of each."""
    for file, names in TOGETHER.items():
        for name in names.split():
            yield (SRC / (name if "/" in name else f"{Path(file).parent}/{name}")).with_suffix(".py"), TESTS / file


def test_a_module_has_its_test_file():
    """Under its own name in the same folder; small ones may have none."""
    known = dict(elsewhere())
    for path in modules():
        own = TESTS / path.relative_to(SRC).with_name(f"test_{path.name}")
        long = path.name != "__init__.py" and len(path.read_text().splitlines()) > LONG
        assert not long or path in known or own.exists(), f"{path.relative_to(SRC)}: no {own.relative_to(TESTS)}"
    for path, file in known.items():
        assert path.exists() and file.exists(), f"{path} is not tested by {file}"
        own = TESTS / path.relative_to(SRC).with_name(f"test_{path.name}")
        assert not own.exists(), f"{path} has {own}, and needs no {file}"


def test_tests_stand_in_the_folders_of_what_they_test():
    for path in TESTS.rglob("test_*.py"):
        assert (SRC / path.parent.relative_to(TESTS)).is_dir(), path


def test_help_and_the_bare_import_stay_light():
    code = "import sys, latente; sys.argv=['latente','--help']\n"
    code += "from latente.cli.main import main\n"
    code += "try: main()\nexcept SystemExit: pass\n"
    code += "heavy={'jax','numpy','pandas','matplotlib','sklearn','rich','scipy'} & set(sys.modules)\n"
    code += "assert not heavy, heavy"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


def test_every_program_is_compiled_as_is_sound():
    """`latente.compiling` alone asks JAX to compile; a jit that is only lowered, to count, is none."""
    for path in modules():
        if path.name != "compiling.py":
            text = path.read_text().replace("jax.jit(once).lower(", "")
            assert not re.search(r"\b(filter_jit|filter_pmap|jax\.jit|jax\.pmap)\b", text), path


def test_nothing_is_unpickled():
    for path in modules():
        text = path.read_text()
        assert "import pickle" not in text and "allow_pickle=True" not in text and "eval(" not in text, path
