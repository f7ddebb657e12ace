"""What is built and published: everything that is imported is declared, and what is built is whole and stands alone."""

import ast
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import latente

ROOT = Path(__file__).parents[1]
SRC = ROOT / "src" / "latente"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
DEVELOPMENT = ("dev", "docs")

CALLED = {"scikit-learn": "sklearn", "pillow": "PIL", "umap-learn": "umap", "mlflow-skinny": "mlflow"}
"""Distributions whose package is not called as they are; of all others a dash is an underscore."""

HOST = {"IPython"}
"""Imported only where it runs already: latente is then called by a notebook."""


def declared(requirements):
    """The packages that a list of requirements brings, the project's own extras followed."""
    found = set()
    for requirement in map(Requirement, requirements):
        if requirement.name == PROJECT["name"]:
            found |= {p for extra in requirement.extras for p in declared(EXTRAS[extra])}
        else:
            found.add(CALLED.get(requirement.name, requirement.name.replace("-", "_")))
    return found


CORE = declared(PROJECT["dependencies"])
OPTIONAL = {p for extra in EXTRAS if extra not in DEVELOPMENT for p in declared(EXTRAS[extra])}


def top(name):
    return name.split(".")[0]


def imported(path):
    """(package, whether it is imported with the module) of each import of a file, those for types only left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for_types = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    later = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if node in for_types:
            continue
        at_once = node not in later
        if isinstance(node, ast.Import):
            yield from ((top(alias.name), at_once) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield top(node.module), at_once
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("find_spec", "import_module")):
            said = [a.value for a in node.args if isinstance(a, ast.Constant)]
            yield from ((top(name), at_once) for name in said)


IMPORTED = {
    path: {(p, at_once) for p, at_once in imported(path) if p not in sys.stdlib_module_names and p != "latente"}
    for path in SRC.rglob("*.py")
    if path.name not in ("torch_model.py", "keras_model.py")  # read as text: they are written into exports
}


def test_what_is_imported_is_declared():
    for path, found in IMPORTED.items():
        missing = {package for package, _ in found} - CORE - OPTIONAL - HOST
        assert not missing, f"{path.relative_to(ROOT)} imports {missing}: declare them in pyproject.toml"


def test_what_is_declared_is_imported():
    used = {package for found in IMPORTED.values() for package, _ in found}
    assert not CORE - used, "declared and not imported"
    assert not OPTIONAL - used, "an extra's, and not imported"


def test_nothing_optional_is_imported_at_once():
    """A module that needs an extra as soon as it is imported is itself imported only inside functions."""
    needing = {
        "latente." + ".".join(path.relative_to(SRC).with_suffix("").parts)
        for path, found in IMPORTED.items()
        if {package for package, at_once in found if at_once} & (OPTIONAL - CORE)
    }
    for path in SRC.rglob("*.py"):
        own = "latente." + ".".join(path.relative_to(SRC).with_suffix("").parts)
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ImportFrom) and own not in needing:
                names = {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
                assert not names & needing, f"{own} imports {names & needing}, which needs an extra"
    assert "latente.explorer.server" in needing


def test_every_lower_bound_is_stated():
    listed = [*PROJECT["dependencies"], *(r for extra in EXTRAS.values() for r in extra)]
    for requirement in map(Requirement, listed):
        if requirement.name != PROJECT["name"]:
            assert any(s.operator == ">=" for s in requirement.specifier), f"{requirement}: from which version on?"
            assert not any(s.operator in ("<", "<=", "==") for s in requirement.specifier), f"{requirement}: a cap"


def test_extras_stand_in_one_table():
    page = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w-]+)` \| (.+?) \| (.+?) \|$", page, re.MULTILINE)
    table = {name: packages for name, packages, _ in rows}
    assert set(table) == set(EXTRAS)
    for name, packages in table.items():
        if name != "dev":
            listed = sorted(Requirement(r).name for r in EXTRAS[name])
            assert sorted(p.strip(" `") for p in packages.split(",")) == listed, name


def test_supported_versions_are_classified():
    found = {c.rpartition(" ")[2] for c in PROJECT["classifiers"] if re.search(r"Python :: 3\.\d+$", c)}
    assert found == {"3.11", "3.12", "3.13", "3.14"}
    assert PROJECT["requires-python"] == ">=3.11"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The names in the source distribution and in the wheel, and the wheel's metadata."""
    folder = tmp_path_factory.mktemp("built")
    script = "import sys; from hatchling.build import *; print(build_sdist(sys.argv[1]), build_wheel(sys.argv[1]))"
    command = [sys.executable, "-c", script, str(folder)]
    made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    sdist, wheel = made.stdout.split()
    with tarfile.open(folder / sdist) as archive:
        sources = {member.name.partition("/")[2] for member in archive if member.isfile()}
    with zipfile.ZipFile(folder / wheel) as archive:
        names = set(archive.namelist())
        metadata = archive.read(next(n for n in names if n.endswith("METADATA"))).decode()
    return sources, names, metadata


@pytest.mark.slow
def test_the_source_distribution_is_whole(built):
    sources = built[0]
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a checkout: there is nothing to compare with")
    aside = (".ci/", ".github/", "conda/", "Dockerfile", ".dockerignore")
    tracked = {name for name in listed.stdout.splitlines() if not name.startswith(aside) and (ROOT / name).exists()}
    assert tracked <= sources, sorted(tracked - sources)[:5]
    stray = {name for name in sources - tracked if name != "PKG-INFO"}
    others = ["git", "ls-files", "--others", "--exclude-standard"]
    new = subprocess.run(others, cwd=ROOT, capture_output=True, text=True, check=True)
    assert stray <= set(new.stdout.splitlines()), sorted(stray)[:5]


@pytest.mark.slow
def test_the_wheel_is_the_package_and_nothing_else(built):
    sources, names, _ = built
    assert {top_folder for top_folder, _, _ in (n.partition("/") for n in names)} == {
        "latente", f"latente-{latente.__version__}.dist-info",
    }  # fmt: skip
    package = {name.removeprefix("src/") for name in sources if name.startswith("src/")}
    assert {name for name in names if name.startswith("latente/")} == package
    assert any(name.endswith("licenses/LICENSE") for name in names)


@pytest.mark.slow
def test_the_page_of_an_index_links_to_nothing_that_it_does_not_have(built):
    metadata = built[2]
    head, _, page = metadata.partition("\n\n")
    assert "Description-Content-Type: text/markdown" in head and f"Version: {latente.__version__}" in head
    links = re.findall(r"\]\(([^)]*)\)", page)
    assert not [link for link in links if not re.match("[a-z]+:", link)]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(re.findall(r"\]\((?![a-z]+:)[^)]*\)", readme)) > 5
    # Nothing else is lost: what is left is the README without comments, pictures and the targets of its links.
    plain = re.sub(r"^<!--.*?-->\n", "", readme, flags=re.DOTALL | re.MULTILINE)
    plain = re.sub(r"!\[[^\]]*\]\((?![a-z]+:)[^)]*\)", "", plain)
    plain = re.sub(r"\[([^\]\[]+)\]\((?![a-z]+:)[^)]*\)", r"\1", plain)
    assert page.split() == plain.split()


def test_the_changelog_has_the_version_and_room_for_the_next():
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (.+)$", changes, re.MULTILINE)
    assert headings[0] == "[Unreleased]"
    assert re.fullmatch(rf"\[{re.escape(latente.__version__)}\] - \d{{4}}-\d\d-\d\d", headings[1])


def test_the_citation_and_the_recipe_say_the_same():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {latente.__version__}\n" in citation and f"\nlicense: {PROJECT['license']}\n" in citation
    recipe = ROOT / "conda" / "recipe.yaml"
    if not recipe.exists():
        pytest.skip("no part of the source distribution")
    text = recipe.read_text(encoding="utf-8")
    assert f'\n  version: "{latente.__version__}"\n' in text
    called = {"matplotlib-base": "matplotlib"}
    needed = re.findall(r"^    - (\S+) (>=\S+)$", text.partition("  run:\n")[2], re.MULTILINE)
    listed = {called.get(name, name): bound for name, bound in needed}
    assert listed == {r.name: str(r.specifier) for r in map(Requirement, PROJECT["dependencies"])}
