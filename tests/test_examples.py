"""The notebooks of examples/ run from their first cell to their last, trained for less than they are shown with."""

import ast
import json
import re
from pathlib import Path

import pytest

from latente.sklearn import base, imputer

NOTEBOOKS = sorted((Path(__file__).parent.parent / "examples").glob("*.ipynb"))


def run(cell, names):
    """Execute a cell as a notebook does: the value of a last expression is shown."""
    tree = ast.parse(cell)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    value = None if last is None else eval(compile(ast.Expression(last.value), "cell", "eval"), names)
    for show in ("_repr_png_", "_repr_html_", "__repr__"):
        if value is not None and hasattr(value, show):
            assert getattr(value, show)()
            return


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::latente.LatenteWarning")
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(notebook, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for module in (base, imputer):
        monkeypatch.setattr(module, "LEAST_EPOCHS", 1)
    monkeypatch.setattr(base, "LEAST_STEPS", 4)
    monkeypatch.setattr(imputer, "MOST_STEPS", 4)
    names = {"__name__": "__main__"}
    cells = [c for c in json.loads(notebook.read_text(encoding="utf-8"))["cells"] if c["cell_type"] == "code"]
    assert cells
    for cell in cells:
        run(re.sub(r"epochs=\d+", "epochs=1", "".join(cell["source"])), names)
        errors = [out for out in cell["outputs"] if out["output_type"] == "error"]
        assert not errors and cell["execution_count"], "save the notebook as it was executed"
