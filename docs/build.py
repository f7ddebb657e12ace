"""The documentation as a site: `make docs` runs this, and any warning is an error.

Pages are the Markdown files of the repository, in the places they have there, and what is made of the code: the public
names by their docstrings, the help of every command, the findings, the notebooks. All of it goes to build/docs.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "build" / "docs"
BESIDE = ("README.md", "README.pt-BR.md", "CHANGELOG.md", "CONTRIBUTING.md", "CODE_OF_CONDUCT.md", "SECURITY.md")
"""Pages that stand outside docs/."""
PACKAGES = ("latente", "latente.sklearn")
"""Whose public names are documented, a page each."""
COMMENT = re.compile(r"^<!--.*?-->\n", re.DOTALL | re.MULTILINE)
"""What a page says to the test that executes it (tests/test_docs.py)."""

Pages = dict[str, str]
"""The text of each page by its place below the root."""


def written() -> Pages:
    """The pages that stand in the repository."""
    paths = [ROOT / name for name in BESIDE] + sorted(ROOT.glob("docs/**/*.md")) + [ROOT / "benchmarks" / "README.md"]
    texts = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in paths}
    return {name: COMMENT.sub("", text).replace("](examples)", "](examples/index.md)") for name, text in texts.items()}


def notebooks() -> Pages:
    """The notebooks of examples/ with what they show, but for pictures, and a page that lists them."""
    pages = {}
    rows = []
    for path in sorted(ROOT.glob("examples/*.ipynb")):
        text = "\n\n".join(_cells(json.loads(path.read_text(encoding="utf-8"))["cells"])) + "\n"
        title = re.search(r"^# (.+)$", text, re.MULTILINE)
        if title is None:
            text = f"# {path.stem}\n\n{text}"
        pages[f"examples/{path.stem}.md"] = text
        rows.append(f"- [{title[1] if title else path.stem}]({path.stem}.md) (`examples/{path.name}`)")
    return {"examples/index.md": "# Notebooks\n\n" + "\n".join(rows) + "\n"} | pages


def _cells(cells: list[dict]) -> Iterator[str]:
    for cell in cells:
        source = "".join(cell["source"]).strip()
        if cell["cell_type"] == "markdown":
            yield source
        elif cell["cell_type"] == "code":
            yield f"```python\n{source}\n```"
            for output in cell["outputs"]:
                plain = "".join(output.get("text", output.get("data", {}).get("text/plain", ""))).rstrip()
                if plain and "image/png" not in output.get("data", {}):
                    yield f"```text\n{plain}\n```"


def commands() -> Pages:
    """What `latente --help` and the help of each command say."""
    from latente.cli.main import command_parser

    os.environ["COLUMNS"] = "84"
    page = ["# Commands\n\nWhat each says with `--help` (in Portuguese with `--lang pt`)."]
    parser = command_parser()
    page.append(f"```text\n{parser.format_help().rstrip()}\n```")
    page += [f"{'#' * level} {name}\n\n```text\n{text}\n```" for level, name, text in _helps(parser, 2)]
    return {"docs/commands.md": "\n\n".join(page) + "\n"}


def _helps(parser: argparse.ArgumentParser, level: int) -> Iterator[tuple[int, str, str]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                yield level, child.prog, child.format_help().rstrip()
                yield from _helps(child, level + 1)


def reference() -> Pages:
    """A page for each public name, from its docstring, and one that lists them."""
    pages = {}
    listed = ["# Python", "The public names. Everything else may change without notice ([versions](../versions.md))."]
    for package in PACKAGES:
        module = importlib.import_module(package)
        listed += [f"## {package}", (inspect.getdoc(module) or "").partition("\n")[0]]
        rows = []
        for name in sorted(module.__all__, key=str.lower):
            if name.startswith("__"):
                continue
            what = getattr(module, name)
            summary = (inspect.getdoc(what) or "").partition("\n\n")[0].replace("\n", " ").replace("|", "\\|")
            rows.append(f"| [`{name}`]({package}.{name}.md) | {summary} |")
            pages[f"docs/reference/{package}.{name}.md"] = f"---\ntitle: {name}\n---\n\n::: {package}.{name}\n"
        listed.append("\n".join(["| name | what it is |", "|---|---|", *rows]))
    return {"docs/reference/index.md": "\n\n".join(listed) + "\n"} | pages


def findings() -> Pages:
    """The findings, and a page for each by its code."""
    from latente.report import finding_pages

    index = (ROOT / "docs" / "findings.md").read_text(encoding="utf-8")
    linked = re.sub(r"^\| `(LT\d+)` \|", r"| [`\1`](findings/\1.md) |", index, flags=re.MULTILINE)
    return {"docs/findings.md": linked} | {f"docs/findings/{n}": page for n, page in finding_pages.pages().items()}


def _entry(name: str) -> str:
    """A page's line in the navigation: of a finding the code alone, of others their titles."""
    return f'{{ "{Path(name).stem}" = "{name}" }}' if name.startswith("docs/findings/") else f'"{name}"'


def gather(out: Path = OUT) -> None:
    """Write all pages, the files they show, and the configuration to a folder of its own."""
    shutil.rmtree(out, ignore_errors=True)
    made = {"examples": notebooks(), "commands": commands(), "reference": reference(), "findings": findings()}
    pages = written()
    for more in made.values():
        pages |= more
    for name, text in pages.items():
        path = out / "pages" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for picture in ROOT.glob("docs/**/*.png"):
        shutil.copy(picture, out / "pages" / picture.relative_to(ROOT))
    for name in ("LICENSE", "docs/site.css"):
        shutil.copy(ROOT / name, out / "pages" / name)
    settings = (ROOT / "docs" / "zensical.toml").read_text(encoding="utf-8").replace("@src", str(ROOT / "src"))
    for kind, found in made.items():
        named = [_entry(name) for name in found]
        placed = f"[{', '.join(named)}]" if len(named) > 1 else named[0]
        settings = settings.replace(f'"@{kind}"', placed)
    (out / "zensical.toml").write_text(settings, encoding="utf-8")


def main() -> int:
    """Gather and build; 1 where anything was warned of."""
    gather()
    command = [sys.executable, "-m", "zensical", "build", "--strict"]
    done = subprocess.run(command, cwd=OUT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    docstrings = [line for line in done.stdout.splitlines() if line.startswith("griffe: ")]
    sys.stdout.write(done.stdout)
    if done.returncode or docstrings:
        sys.stdout.write("The documentation has mistakes.\n")
        return 1
    sys.stdout.write(f"{(OUT / 'site' / 'index.html').relative_to(ROOT)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
