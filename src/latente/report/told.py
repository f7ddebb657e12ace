"""Everything that rules say of a folder in one list, whatever it is about: what `latente check FOLDER` shows."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from latente.analysis.conclusions.claims import Claim, Finding, Verdict
from latente.analysis.conclusions.registry import STUDY, claims_about, codes, rules, to_do
from latente.analysis.conclusions.score_rules import claims_of_runs
from latente.analysis.conclusions.standing import standing
from latente.atomic import JSON_LIMIT, parse_json
from latente.errors import LatenteWarning
from latente.evaluation.folders import finished_runs, finished_study, is_study
from latente.evaluation.manifest import Manifest, damage, reading
from latente.evaluation.run import Run, load
from latente.language.message import Message
from latente.language.words import Words
from latente.report.conclusions import (
    findings_of_scores,
    from_rows,
    from_table,
    rows_of,
    worded_rule,
)

FINDINGS = "findings.json"


@dataclass(frozen=True)
class Told:
    """One finding in words.

    Attributes:
        code, rule, severity: of its rule.
        verdict: "holds", "fails" or "unknown"; found: whether that is the one at which the rule is found.
        about: the model it is about; "" for those of a study, of data and of the notebook.
        text: the claim; evidence: its numbers; do: what to do where it is found.
    """

    code: str
    rule: str
    severity: str
    verdict: Verdict
    found: bool
    about: str
    text: str
    evidence: tuple[str, ...]
    do: str

    def json(self) -> str:
        """It as one line of JSON."""
        return json.dumps(asdict(self), ensure_ascii=False)

    def line(self, words: Words) -> str:
        """It as a line for a terminal; what to do stands where it is found."""
        verdict, severity = words(f"findings.verdict.{self.verdict}"), words(f"told.severity.{self.severity}")
        mark = f"{self.code} {severity} [{verdict}]"
        return " ".join([mark, self.text, *self.evidence, *([f"→ {self.do}"] if self.found and self.do else [])])


def told_of(folder: Path, words: Words, ignore: Iterable[str] = ()) -> list[Told]:
    """The findings of a finished study, or of a run, by their codes.

    A study's are those of its ``findings.json``; what one of an older version lacks is worked out from its recorded
    numbers. Those that the study file, its last report or ``ignore`` leaves out are left out.

    Raises:
        StoreError: the folder is neither, not finished, or damaged.
        SpecError: ``ignore`` names a finding that is not known.
    """
    left_out = set(codes(ignore))
    if is_study(folder):
        spec, places, _ = finished_study(folder)
        table = reading(folder, _read)
        left_out |= _known(spec.ignore) | _known(table.get("ignored", ()))
        found = list(_of_study(table, places, words))
    else:
        runs = [load(place) for place in finished_runs(folder)]
        found = list(_of_runs(runs, words))
    return sorted((t for t in found if t.code not in left_out), key=lambda t: t.code)


def _read(manifest: Manifest) -> dict[str, Any]:
    path = manifest.folder / FINDINGS
    if not path.is_file():
        return {}
    table = parse_json(path, manifest.read(FINDINGS, JSON_LIMIT))
    with damage(path):
        if not isinstance(table, dict):
            raise TypeError(f"{type(table).__name__} where a table should be")
        return table


def _known(patterns: Iterable[str]) -> set[str]:
    """The codes of patterns, but for those of rules of one's own that are not loaded here."""
    known = {r.code for r in rules.values()}
    return {code for p in patterns for code in (codes([p]) if p in known or p.startswith("LT") else ())}


def _of_study(table: Mapping[str, Any], places: Sequence[Path], words: Words) -> Iterator[Told]:
    old = "study" not in table
    if old:
        # The words of today take numbers that older versions did not write.
        yield from _of_runs([load(place) for place in places], words)
    with damage(Path(FINDINGS)):
        for finding in from_table({"findings": table.get("findings", ())}):
            if finding.id in rules:
                yield _conclusion(finding, words)
        rows = [] if old else [r for k in ("data", "study", "runs", "scores") for r in table.get(k, ())]
        strange = sorted({str(r["code"]) for r in rows if r["rule"] not in rules})
        if strange:
            warnings.warn(LatenteWarning(Message("told.strange", codes=", ".join(strange))), stacklevel=2)
        for claim in from_rows(r for r in rows if r["rule"] in rules):
            yield _told(claim, words)


def _of_runs(runs: Sequence[Run], words: Words) -> Iterator[Told]:
    for claim in [*claims_about(STUDY, standing(runs, codes=False)), *claims_of_runs(runs)]:
        yield _told(_plain(claim), words)
    for finding in findings_of_scores(runs):
        for claim in finding.claims:
            yield _told(claim, words)


def _plain(claim: Claim) -> Claim:
    (again,) = from_rows(rows_of([claim]))
    return again


def _told(claim: Claim, words: Words) -> Told:
    said = worded_rule(claim, words)
    names = (claim.values.get(k) for k in ("model", "name"))
    about = next((n for n in names if isinstance(n, str)), "")
    return Told(
        said.code, claim.key, said.severity, claim.verdict, said.matters, about, said.text, said.evidence, said.do
    )


def _conclusion(finding: Finding, words: Words) -> Told:
    known = rules[finding.id]
    # Claims and verdicts only: the numbers that an older version wrote may not be those that today's words take.
    texts = [(words.templates.get(f"{known.key}.{c.key}.text", f"{c.key}."), c.verdict) for c in finding.claims]
    evidence = tuple(f"{text} [{words(f'findings.verdict.{verdict}')}]" for text, verdict in texts)
    found = known.matters(finding.verdict)
    return Told(
        known.code, finding.id, known.severity, finding.verdict, found, "", f"{words(f'{known.key}.title')}.", evidence,
        to_do(finding.id, words),
    )  # fmt: skip


def failing(told: Sequence[Told], patterns: Iterable[str]) -> list[Told]:
    """Those that are found and that patterns mean: codes, families, and severities ("warning": warnings and errors).

    Raises:
        SpecError: a pattern means no rule that is known.
    """
    asked = codes(patterns, severities=True)
    return [t for t in told if t.found and t.code in asked]
