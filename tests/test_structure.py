"""The layout holds: a stage imports only stages before it, and the public names are the ones promised."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import latente

SRC = Path(latente.__file__).parent
STAGES = ["data", "model", "objective", "training", "evaluation", "interfaces"]
FOUNDATION = {
    "compiling", "program_cache", "errors", "registry", "spec", "atomic", "plain", "stopping", "_begin", "_version",
}  # fmt: skip


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "latente":
            yield from (a.name for a in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("latente."):
            yield node.module.split(".")[1]
        elif isinstance(node, ast.Import):
            yield from (a.name.split(".")[1] for a in node.names if a.name.startswith("latente."))


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_imports_only_stages_before_it(stage):
    allowed = FOUNDATION | set(STAGES[: STAGES.index(stage) + 1])
    files = list((SRC / stage).glob("**/*.py"))
    assert files
    for path in files:
        assert set(imported(path)) <= allowed, path


@pytest.mark.parametrize("name", sorted(FOUNDATION))
def test_the_foundation_imports_no_stage(name):
    assert set(imported(SRC / f"{name}.py")) <= FOUNDATION


def test_public_names_are_all_there_and_sorted_by_kind():
    assert set(latente.__all__) == set(latente._HOME) | {
        "__version__", "LatenteError", "LatenteWarning", "SpecError", "DataError", "DownloadError", "StoreError",
        "TrainingError",
    }  # fmt: skip
    for name in latente.__all__:
        assert getattr(latente, name) is not None
    with pytest.raises(AttributeError, match="no attribute"):
        _ = latente.nothing


def test_help_and_the_bare_import_stay_light():
    code = "import sys, latente; sys.argv=['latente','--help']\n"
    code += "from latente.cli.main import main\n"
    code += "try: main()\nexcept SystemExit: pass\n"
    code += "heavy={'jax','numpy','pandas','matplotlib','sklearn','rich','scipy'} & set(sys.modules)\n"
    code += "assert not heavy, heavy"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


def test_every_program_is_compiled_as_is_sound():
    """`latente.compiling` alone asks JAX to compile; a jit that is only lowered, to count, is none."""
    for path in SRC.glob("**/*.py"):
        if path.name != "compiling.py":
            text = path.read_text().replace("jax.jit(once).lower(", "")
            assert not re.search(r"\b(filter_jit|filter_pmap|jax\.jit|jax\.pmap)\b", text), path


def test_nothing_is_unpickled():
    for path in SRC.glob("**/*.py"):
        text = path.read_text()
        assert "import pickle" not in text and "allow_pickle=True" not in text and "eval(" not in text, path
