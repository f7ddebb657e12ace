"""The documentation of findings, made from the registry: an index, and a page each.

``python -m latente.report.finding_pages`` prints the index, ``docs/findings.md``; with a folder it writes the pages
there, as a site's build does.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from latente.analysis.conclusions.claims import Claim
from latente.analysis.conclusions.registry import DATA, FAMILIES, NOTEBOOK, OWN_PREFIX, RUN, STUDY, Rule
from latente.atomic import make_folder, write_text
from latente.language.words import Words
from latente.report.conclusions import every_rule, worded
from latente.terminal import say

HEAD = """# Findings

Made by `python -m latente.report.finding_pages` from the registry of rules; a test keeps it so.

A finding is one claim over numbers, with a verdict from their intervals (*holds*, *does not hold*, *cannot be told*), a
code that never changes its meaning, how severe it is where it is found, and what to do then. *Found* says at which
verdict that is; the others are only told.

- `latente report STUDY --ignore LT201` leaves findings out of a report, and so do `latente run --ignore …` and
  `ignore = ["LT201", "LT3xx"]` at the top of a study file.
- `latente check FOLDER` lists the findings of a finished study or run; with `--fail-on LT2xx,warning` it ends with exit
  code 1 where one of these is found, and `--format json` gives a line of JSON each. `warning` means errors, too.

Codes that begin with `LT` are latente's own and never used twice. A rule of your own has another prefix (see below).
"""

OWN = '''## A rule of your own

A function with a decorator is a rule; importing the module that has it is enough. Its code has a prefix of its own: two
to eight capital letters, but for `LT`, and three digits.

```python
import latente


@latente.rule(
    "MY101", "run",
    text="{model}: it reconstructs well enough for our scanner.",
    evidence="The test error is {mse:.4f}; well enough means below {limit:g}.",
    do="Train with more latents.",
    severity="error",
)
def good_enough(run):
    """The squared error on the test part is below that of the scanner."""
    error = run.metrics["test"]["mse"].value
    return "holds" if error < 0.02 else "fails", {"mse": error, "limit": 0.02}
```

The function takes what the rule is about: `"data"` a `latente.Data`, `"run"` a `latente.Run`, `"study"` the list of its
models, or the name of a score, of which it takes what one run has. It gives `None` where it does not apply, or the
verdict and the numbers that its words show; an `Estimate` x is `{x}`, `{x_low}` and `{x_high}` in them. Words are one
text, or `{"en": "…", "pt": "…"}`. A code or a name that exists already is refused.
'''


def index() -> str:
    """The page ``docs/findings.md``."""
    lines = [HEAD.rstrip()]
    for digit, name in FAMILIES.items():
        found = [r for r in _own() if r.family == name]
        if found:
            lines += [
                "",
                f"## {OWN_PREFIX}{digit}xx: {name}",
                "",
                "| code | claim | severity | found where it |",
                "|---|---|---|---|",
            ]
        for r in found:
            verdict = {"holds": "holds", "fails": "does not hold"}[r.found]
            lines.append(f"| `{r.code}` | {_cell(title(r))} | {r.severity} | {verdict} |")
    return "\n".join(lines) + "\n\n" + OWN


def pages(lang: str = "en") -> dict[str, str]:
    """Each rule's page by its file, such as ``LT201.md``; the words of rules are in the language, the rest English."""
    return {f"{r.code}.md": page(r, lang) for r in _own()}


def page(rule: Rule, lang: str = "en") -> str:
    """One rule's page in Markdown."""
    words = Words(lang)
    found = {"holds": "holds", "fails": "does not hold"}[rule.found]
    lines = [
        f"# {rule.code}: {title(rule, lang)}",
        "",
        f"`{rule.name}` · {rule.family} · severity **{rule.severity}** · found where it {found}",
        "",
    ]
    if rule.about == NOTEBOOK:
        lines += [f"> {words(f'{rule.key}.quote')}", ""]
        lines += [f"- {_text(c, rule, words)}" for c in rule.claims_of(rule.holds)] + [""]
    lines += ["## What it needs", "", needs(rule), "", "## How it is judged", "", rule.description, ""]
    lines += [words(f"{rule.key}.limits"), "", "## What to do", "", words(f"{rule.key}.do"), ""]
    for verdict, reading in (("holds", rule.holds), ("does not hold", rule.fails)):
        lines += [f"## An example in which it {verdict}", ""]
        for claim in rule.claims_of(reading if rule.about == NOTEBOOK else {"model": "my-model", **reading}):
            told = worded(claim, f"{rule.key}.{claim.key}" if rule.about == NOTEBOOK else rule.key, words)
            mark = words(f"findings.verdict.{told.verdict}")
            lines.append(f"- **{told.text}** *{mark}* {' '.join(told.evidence)}")
        lines.append("")
    return "\n".join([*lines, f"Leave it out: `latente report STUDY --ignore {rule.code}`.", ""])


def title(rule: Rule, lang: str = "en") -> str:
    """What a rule claims, on made-up numbers; of the notebook's, what the conclusion is called."""
    words = Words(lang)
    if rule.about == NOTEBOOK:
        return words(f"{rule.key}.title")
    (claim,) = rule.claims_of({"model": "my-model", **rule.holds})
    text = worded(claim, rule.key, words).text.removeprefix("my-model: ").rstrip(".")
    # Of one that begins with a model's name, that stays as it is.
    return text if rule.several else text[0].upper() + text[1:]


def needs(rule: Rule) -> str:
    """What it reads, and how to have that."""
    fixed = {
        DATA: "Data: `latente data check PATH` tells it before any training, and a study's report of its data.",
        RUN: "A trained run.",
        STUDY: "A finished study: its runs' losses, as `latente run` leaves them.",
        NOTEBOOK: "A study of VAEs and deterministic autoencoders, as `latente run` performs it by default. Where it "
        "lacks a model or a number, the claim that needs it cannot be told, and says why.",
    }
    if rule.about in fixed:
        return fixed[rule.about]
    return (
        f'The score `{rule.about}`: `latente evaluate RUN --metrics {rule.about}`, or `scores = ["{rule.about}"]` in a '
        "study file."
    )


def _text(claim: Claim, rule: Rule, words: Words) -> str:
    return worded(claim, f"{rule.key}.{claim.key}", words).text


def _own() -> list[Rule]:
    return sorted((r for r in every_rule().values() if r.code.startswith(OWN_PREFIX)), key=lambda r: r.code)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def write(folder: Path, lang: str = "en") -> list[Path]:
    """Write every page and ``index.md`` into a folder; gives their paths.

    Raises:
        StoreError: a file cannot be written.
    """
    make_folder(folder)
    made = {"index.md": index(), **pages(lang)}
    for name, text in made.items():
        write_text(folder / name, text)
    return [folder / name for name in made]


def main(arguments: Sequence[str]) -> None:
    """Print the index, or write all pages into the folder that is given."""
    if arguments:
        write(Path(arguments[0]))
    else:
        say(index().rstrip("\n"))


if __name__ == "__main__":
    main(sys.argv[1:])
