"""The documentation: every code block of its pages is executed, every link leads somewhere, no page is left out."""

import gc
import re
import tomllib
from pathlib import Path

import pages
import pytest

import latente
from latente import plugins
from latente.analysis.conclusions.registry import rules
from latente.language import words
from latente.registry import Registry
from latente.sklearn import base, imputer

ROOT = Path(__file__).parents[1]
DOCS = sorted((ROOT / "docs").glob("**/*.md"))
READMES = [ROOT / "README.md", ROOT / "README.pt-BR.md"]
OTHERS = [ROOT / name for name in ("CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "benchmarks/README.md")]
EXECUTED = [path for path in READMES + DOCS if pages.blocks(path)]

NOT_RUN = {
    "README.md": 2,
    "README.pt-BR.md": 2,
    "docs/clusters.md": 1,
    "docs/composing.md": 1,
    "docs/data.md": 1,
    "docs/explorer.md": 3,
    "docs/export.md": 1,
    "docs/fine-tuning.md": 3,
    "docs/hub.md": 1,
    "docs/install.md": 3,
    "docs/latent-size.md": 1,
    "docs/papers.md": 1,
    "docs/plugins.md": 2,
    "docs/published.md": 1,
    "docs/scikit-learn.md": 1,
    "docs/search.md": 3,
    "docs/studies.md": 2,
    "docs/tour.md": 3,
    "docs/tracking.md": 3,
    "docs/tutorial.md": 2,
    "docs/tutorial.pt-BR.md": 2,
}
"""How many blocks of a page are not executed, or only checked; the page says why, before each."""


HEAVY = {
    "docs/anomalies.md",
    "docs/comparing.md",
    "docs/evaluation.md",
    "docs/imputation.md",
    "docs/rows.md",
    "docs/tables.md",
    "docs/tour.md",
    "docs/tutorial.md",
    "docs/tutorial.pt-BR.md",
}
"""Pages that take seconds: `make docs` executes them, `make test` does not."""


def name_of(path):
    return path.relative_to(ROOT).as_posix()


@pytest.fixture
def registered():
    """What a page registers is forgotten after it."""
    families = [x for x in gc.get_objects() if isinstance(x, Registry)]
    tables = [rules, plugins._parts, plugins._points, *words._templates().values()]
    tables += [table for family in families for table in (family._entries, family._sources)]
    before = [dict(table) for table in tables]
    yield
    for table, entries in zip(tables, before, strict=True):
        table.clear()
        table.update(entries)


@pytest.mark.slow
@pytest.mark.usefixtures("registered")
@pytest.mark.filterwarnings("ignore::latente.LatenteWarning")
@pytest.mark.parametrize(
    "page", [pytest.param(p, marks=[pytest.mark.docs] * (name_of(p) in HEAVY), id=name_of(p)) for p in EXECUTED]
)
def test_the_code_of_a_page_runs(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    for module in (base, imputer):
        monkeypatch.setattr(module, "LEAST_EPOCHS", 1)
    monkeypatch.setattr(base, "LEAST_STEPS", 4)
    monkeypatch.setattr(imputer, "MOST_STEPS", 4)
    names = {"__name__": "__main__", "latente": latente}
    for block in pages.blocks(page):
        try:
            pages.perform(block, names)
        except BaseException as error:
            error.add_note(f"{name_of(page)}:{block.line}")
            raise


def test_what_is_not_run_is_known():
    found = {name_of(p): sum(bool(b.skipped or b.checked) for b in pages.blocks(p)) for p in EXECUTED}
    assert {name: count for name, count in found.items() if count} == NOT_RUN


def anchors(path):
    """The anchors of a page's headings, as code hosts and the site make them."""
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    plain = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).lower() for title in titles]
    return {re.sub(r"[^\w\- ]", "", title).strip().replace(" ", "-") for title in plain}


@pytest.mark.parametrize("page", READMES + DOCS + OTHERS, ids=name_of)
def test_every_link_leads_somewhere(page):
    text = re.sub(r"^```.*?^```|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match("[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        path = (page.parent / target).resolve() if target else page
        assert path.exists() and path.is_relative_to(ROOT), f"{name_of(page)}: {link}"
        assert not anchor or anchor in anchors(path), f"{name_of(page)}: {link}"


def test_every_page_has_its_place():
    settings = (ROOT / "docs" / "zensical.toml").read_text(encoding="utf-8")

    def leaves(part):
        if isinstance(part, str):
            return [part]
        return [leaf for one in (part.values() if isinstance(part, dict) else part) for leaf in leaves(one)]

    placed = leaves(tomllib.loads(settings)["project"]["nav"])
    assert len(placed) == len(set(placed))
    assert {name_of(path) for path in DOCS + READMES} - set(placed) == {"docs/findings.md"}, (
        "and the site adds this one"
    )
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    for path in DOCS:
        link = path.relative_to(ROOT / "docs").as_posix()
        assert path.name == "index.md" or f"]({link})" in index, f"docs/index.md does not lead to {link}"


def test_the_readmes_are_short():
    for path in READMES:
        assert len(path.read_text(encoding="utf-8").splitlines()) < 150
