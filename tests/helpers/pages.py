"""The code blocks of the documentation's pages, what they say of themselves, and the things that they begin with.

A comment before a block of a page, which a reader does not see, says how the test takes it:

- ``<!-- setup`` and lines of Python: what the page takes for granted, such as a table called ``people``;
- ``<!-- checked: WHY -->``: it takes too long, or waits for a person; its commands are read as the command line reads
  them, its calls are held against the functions' parameters;
- ``<!-- not run: WHY -->``: it is not looked at.
"""

import ast
import contextlib
import inspect
import io
import json
import re
import shlex
import shutil
import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"(?P<notes>(?:^<!--.*?-->\n+)*)^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
NOTE = re.compile(r"<!--\s*(setup|checked|not run)\b:?(.*?)-->", re.DOTALL)
KINDS = ("python", "sh", "toml")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, and what the comments before it say."""

    kind: str
    text: str
    line: int
    setup: str = ""
    checked: str = ""
    skipped: str = ""


def blocks(path):
    """The blocks of a page in a language that can be executed, and what its comments say."""
    page = path.read_text(encoding="utf-8")
    found = []
    for match in BLOCK.finditer(page):
        if match["kind"] not in KINDS:
            assert not match["notes"], f"{path.name}: a note before a block that nothing executes"
            continue
        said = {name: text.strip() for name, text in NOTE.findall(match["notes"])}
        line = page.count("\n", 0, match.start("text")) + 1
        notes = said.get("setup", ""), said.get("checked", ""), said.get("not run", "")
        found.append(Block(match["kind"], match["text"], line, *notes))
    return found


def perform(block, names):
    """Execute a block in the current folder, with the names that the page has so far."""
    if block.setup:
        exec(compile(block.setup, f"setup of line {block.line}", "exec"), names)
    if block.skipped:
        return
    {"python": _python, "sh": _shell, "toml": _study}[block.kind](block, names)


def _python(block, names):
    if not block.checked:
        exec(compile("\n" * (block.line - 1) + brief(block.text), "page", "exec"), names)
        return
    tree = ast.parse(block.text)
    exec("\n".join(ast.unparse(node) for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)), names)
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        with contextlib.suppress(NameError, SyntaxError):  # of what the block itself would make
            function = eval(ast.unparse(call.func), names)
            given = {k.arg: None for k in call.keywords}
            inspect.signature(function).bind(*call.args, **given)


def brief(text):
    """Any number of epochs becomes one."""
    return re.sub(r"\bepochs( ?= ?)\d+", r"epochs\g<1>1", text)


def _study(block, names):
    text = brief(block.text)
    if "runs" not in tomllib.loads(text):
        text += '\n[runs.vae]\npreset = "VAE"\n'
    Path("study.toml").write_text(text, encoding="utf-8")
    command(["check", "study.toml", "--no-data"])


def _shell(block, names):
    for line in re.sub(r"\\\n", " ", block.text).splitlines():
        words = shlex.split(line, comments=True)
        while words:
            end = words.index("&&") if "&&" in words else len(words)
            _one(words[:end], block)
            words = words[end + 1 :]


def _one(words, block):
    if words[:2] == ["pip", "install"]:
        named = {
            e for word in words for e in (re.findall(r"^(?:latente|\.)\[(.*)\]$", word) or [""])[0].split(",") if e
        }
        extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
            "optional-dependencies"
        ]
        assert named <= set(extras), named - set(extras)
        return
    assert words[0] == "latente", f'{words[0]} is not executed: give it a block of its own with "not run"'
    words, pipe = (words[: words.index("|")], words[words.index("|") + 1 :]) if "|" in words else (words, [])
    words, file = (words[: words.index(">")], words[words.index(">") + 1]) if ">" in words else (words, None)
    if block.checked:
        from latente.cli.main import command_parser

        rest = command_parser().parse_known_args(words[1:])[1]
        assert not rest, f"{words}: what is {rest}?"
        return
    said = command([brief(word) for word in words[1:]])
    if pipe:
        subprocess.run(pipe, input=said, text=True, check=True, stdout=subprocess.DEVNULL)
    elif file:
        Path(file).write_text(said, encoding="utf-8")


def command(words):
    """What a command of latente writes to standard output; it must end well."""
    from latente.cli.main import main

    said, complained = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(complained):
        code = main(list(words))
    assert code == 0, f"latente {shlex.join(words)}: {complained.buffer.getvalue().decode()}"
    return said.buffer.getvalue().decode()


def people(rows=60, seed=0):
    """A small table of people: numbers, texts, truth values, and incomes that are missing."""
    import pandas

    rng = np.random.default_rng(seed)
    age = rng.integers(18, 80, rows)
    table = pandas.DataFrame(
        {
            "id": [f"p{i}" for i in range(rows)],
            "age": age,
            "sex": rng.choice(["f", "m"], rows),
            "height": rng.normal(170, 9, rows).round(1),
            "income": (50.0 * age + rng.normal(0, 300, rows)).round(),
            "smokes": rng.random(rows) < 0.3,
        }
    )
    table.loc[::7, "income"] = None
    return table


def study(folder="STUDY"):
    """A finished study in the current folder, of VAEs of two latent sizes and two seeds, and the images it is of."""
    old = ROOT / "tests" / "old_study"
    shutil.copytree(old, folder, ignore=shutil.ignore_patterns("ae-*"))
    told = json.loads(Path(folder, "study.json").read_text(encoding="utf-8"))
    told["runs"] = [run for run in told["runs"] if run["name"].startswith("vae")]
    Path(folder, "study.json").write_text(json.dumps(told), encoding="utf-8")
    shutil.copy(old / "pictures.npz", ".")


def run(folder="RUN", name="vae-2", seed=0):
    """A finished run of images of 6×5 pixels in the current folder, and the images: pictures.npz, images.npy."""
    old = ROOT / "tests" / "old_study"
    shutil.copytree(old / "runs" / name / f"seed-{seed}", folder)
    shutil.copy(old / "pictures.npz", ".")
    np.save("images.npy", np.load("pictures.npz")["x"][:5])


def pictures(folder="my-images"):
    """A folder of 200 small grey images in two sub-folders."""
    from PIL import Image

    rng = np.random.default_rng(0)
    for label in ("cats", "dogs"):
        Path(folder, label).mkdir(parents=True)
        for i in range(100):
            Image.fromarray(rng.integers(0, 256, (8, 8), np.uint8)).save(Path(folder, label, f"{i}.png"))


def table_run(folder="RUN"):
    """A run of a table with missing values in the current folder, and rows to give it: people.csv, holes.csv."""
    import latente

    for file in ("people.csv", "holes.csv"):
        people()[["id", "age", "height", "income"]].to_csv(file, index=False)
    data = latente.load_data("people.csv", missing="keep", scale="minmax", index="id")
    model = latente.VAE(2, hidden=(4,), likelihood="gaussian", missing=True)
    latente.fit(model, data, epochs=1, batch_size=16, progress=False).save(folder)
