"""The registry of rules: each is one claim over numbers, with a code that it keeps, and what to do where it matters.

Everything that latente says of a study is a `Rule`: what stands out in data, losses and scores, and the notebook's
thirteen conclusions. A rule's words lie in a TOML file beside its code, in both languages: ``rule.NAME.text`` is the
claim, ``.evidence`` its numbers, ``.do`` what to do and ``.limits`` where its limits come from; those of a conclusion
of the notebook stand under ``findings.NAME``.

Codes are never used twice: ``LT0xx`` data, ``LT1xx`` training, ``LT2xx`` latent space, ``LT3xx`` reconstructions and
samples, ``LT4xx`` comparisons, ``LT5xx`` likelihoods and scores, ``LT9xx`` the notebook. Other prefixes are free for
rules of one's own (`rule`).
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from latente.analysis.conclusions.claims import Claim, Facts, Verdict, all_of
from latente.errors import LatenteError, SpecError, unknown
from latente.evaluation.metrics.intervals import Estimate
from latente.language.words import LANGUAGES, Words, add_words
from latente.plugins import registered

Severity = Literal["error", "warning", "info"]
"""How bad it is where a rule is found: "error": numbers cannot be used as they are; "warning": something to mend or to
know before anything is concluded; "info": good to know."""

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")
"""The worst first."""

OWN_PREFIX = "LT"
"""Codes that begin so are latente's own."""

DATA, RUN, STUDY, NOTEBOOK = "data", "run", "study", "notebook"
"""What a rule may be about, besides a score by its name: the data, each trained run, the models of a study side by side
(`latente.analysis.conclusions.summary.Standing`), or what the notebook concludes."""

SUBJECTS = (DATA, RUN, STUDY, NOTEBOOK)

FAMILIES = {0: "data", 1: "training", 2: "latents", 3: "outputs", 4: "comparison", 5: "likelihood", 9: "notebook"}
"""By the first digit of a code."""

VERDICTS: tuple[Verdict, ...] = ("holds", "fails", "unknown")


@dataclass(frozen=True, eq=False)
class Rule:
    """One claim over numbers, or the several that make one conclusion of the notebook.

    Attributes:
        code: a prefix and three digits, such as LT501, never used for another rule.
        name: says where its words are, and what it is called in ``findings.json``.
        about: "data", "run", "study", "notebook", or the score whose numbers it reads.
        severity: how bad it is where it is found.
        found: the verdict at which it is: "fails" where the claim is what one hopes for, "holds" where it is not.
        read: takes what the words and the verdict need from what it is about, None where the rule does not apply;
            with ``several``, from all models at once, in a list with an entry for each sentence.
        judge: gives the verdict on what was read, or the claims with a verdict each.
        holds, fails: what might be read, made up, on which it holds, and on which it fails; None of one's own rules
            that have none.
        several: whether ``read`` gives a list.
        module: which module has it.
    """

    code: str
    name: str
    about: str
    severity: Severity
    found: Verdict
    read: Callable[[Any], Any]
    judge: Callable[[Any], Verdict | tuple[Claim, ...]]
    holds: Any = None
    fails: Any = None
    several: bool = False
    module: str = ""

    @property
    def key(self) -> str:
        """Under which its words stand."""
        return f"findings.{self.name}" if self.about == NOTEBOOK else f"rule.{self.name}"

    @property
    def description(self) -> str:
        """How it judges, the docstring of what does."""
        return inspect.cleandoc(self.judge.__doc__ or "")

    @property
    def family(self) -> str:
        """What it is about in a word, by its code; "own" for rules of one's own."""
        return FAMILIES[int(self.code[len(OWN_PREFIX)])] if self.code.startswith(OWN_PREFIX) else "own"

    def claims_of(self, reading: Any) -> tuple[Claim, ...]:
        """What it says of one reading."""
        judged = self.judge(reading)
        return (
            (Claim(self.name, judged, (("", {"seed": 0, **reading}),), reading),) if isinstance(judged, str) else judged
        )

    def verdict(self, reading: Any) -> Verdict:
        """Its verdict on one reading."""
        return all_of([claim.verdict for claim in self.claims_of(reading)])

    def claims(self, subject: Any) -> list[Claim]:
        """What it says about what it is about, a run's own scores excepted (see `score_rules.claims_of_scores`)."""
        found = self.read(subject)
        readings = found if self.several else [] if found is None else [found]
        return [claim for reading in readings for claim in self.claims_of(reading)]

    def matters(self, verdict: Verdict | str) -> bool:
        """Whether a verdict is the one at which the rule is found."""
        return verdict == self.found


rules: dict[str, Rule] = {}
"""Every rule by its name, in the order of registration."""


def builtin(
    code: str,
    name: str,
    about: str,
    read: Callable[[Any], Any],
    *,
    holds: Any,
    fails: Any,
    severity: Severity = "info",
    found: Verdict = "fails",
    several: bool = False,
) -> Callable[[Any], Any]:
    """Decorator: the function below judges what ``read`` reads; see `Rule`.

    Raises:
        SpecError: the code or the name is another rule's.
    """

    def add(judge: Any) -> Any:
        _add(Rule(code, name, about, severity, found, read, judge, holds, fails, several, judge.__module__))
        return judge

    return add


def _add(new: Rule) -> None:
    for known in rules.values():
        if new.code == known.code or new.name == known.name:
            what = new.code if new.code == known.code else f'"{new.name}"'
            raise SpecError(
                f"rule {what}: exists already ({known.code} of {known.module}); codes and names are used once"
            )
    rules[new.name] = new
    registered("rule", new.name, new.module, lambda: rules.__delitem__(new.name))


Told = tuple[Verdict, Facts]
"""What a rule of one's own gives: its verdict, and the numbers that its words show."""

Text = str | Mapping[str, str]
"""Words of one's own: a text for both languages, or ``{"en": …, "pt": …}``."""


def rule(
    code: str,
    about: str,
    *,
    text: Text,
    evidence: Text,
    do: Text,
    limits: Text = "",
    severity: Severity = "warning",
    found: Verdict = "fails",
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator: the function below is a rule of one's own, from now on told in reports and by ``latente check``.

    The function takes what the rule is about and gives None where it does not apply, or a verdict ("holds", "fails",
    "unknown") and the numbers that the words show: ``return above(margin, 0), {"margin": margin}``. Numbers are
    ``float``, ``int``, ``str`` and `Estimate`; an estimate x is {x}, {x_low} and {x_high} in the words.

    Args:
        code: two to eight capital letters other than LT and three digits, such as "MY101".
        about: "data" (the function takes a `latente.Data`), "run" (a `latente.Run`; of several seeds the verdict is
            theirs where they agree), "study" (the list of a study's `TrainedModel`), or the name of a score (what one
            run has of it, a `Measured`).
        text: the claim, a sentence; {model} is the model's name.
        evidence: a sentence with the numbers.
        do: what to do where it is found, a sentence.
        limits: where its limits come from.
        severity: "error", "warning" or "info".
        found: the verdict at which it is found.

    Raises:
        SpecError: the code, the function's name or another argument cannot be used.
    """
    from latente.evaluation.scores import scores

    if not isinstance(code, str) or not _CODE.fullmatch(code) or code.startswith(OWN_PREFIX):
        raise SpecError(
            f"rule {code}: no code for a rule of one's own; allowed: two to eight capital letters, but for "
            f"{OWN_PREFIX} at their head, and three digits, for instance MY101"
        )
    abouts = (DATA, RUN, STUDY, *scores)
    if about not in abouts:
        raise SpecError(f"rule {code}: {unknown('subject', about, abouts)}")
    for what, given, allowed in (("severity", severity, SEVERITIES), ("verdict", found, VERDICTS[:2])):
        if given not in allowed:
            raise SpecError(f"rule {code}: {unknown(what, given, allowed)}")
    texts = {"text": text, "evidence": evidence, "do": do, "limits": limits}
    words = {what: dict.fromkeys(LANGUAGES, t) if isinstance(t, str) else dict(t) for what, t in texts.items()}
    for what, each in words.items():
        if set(each) != set(LANGUAGES) or not all(isinstance(t, str) for t in each.values()):
            raise SpecError(f'rule {code}: {what} is no text; allowed: "…", or {{"en": "…", "pt": "…"}}')

    def add(function: Callable[..., Any]) -> Callable[..., Any]:
        name = function.__name__.replace("_", "-")

        def read(subject: Any) -> Any:
            try:
                given = function(getattr(subject, _GIVEN.get(about, ""), subject))
            except LatenteError:
                raise
            except Exception as error:
                raise SpecError(f"rule {code}: {type(error).__name__} in its function: {error}") from error
            many = given if isinstance(given, list) else [] if given is None else [given]
            readings = [_reading(code, one) for one in many]
            return readings if about == STUDY else readings[0] if readings else None

        def judge(reading: Facts) -> Verdict:
            verdict: Verdict = reading["verdict"]
            return verdict

        judge.__doc__ = function.__doc__
        _add(Rule(code, name, about, severity, found, read, judge, None, None, about == STUDY, function.__module__))
        for what, each in words.items():
            add_words(f"rule.{name}.{what}", each, function.__module__)
        return function

    return add


_GIVEN = {STUDY: "trained", DATA: "data"}
"""The attribute of what rules of latente's are about that has what one's own take."""

_CODE = re.compile(r"[A-Z]{2,8}\d{3}")


def _reading(code: str, given: Any) -> Facts:
    allowed = 'None, or a verdict ("holds", "fails", "unknown") and a dict of numbers'
    if not isinstance(given, tuple) or len(given) != 2 or given[0] not in VERDICTS or not isinstance(given[1], Mapping):
        raise SpecError(f"rule {code}: its function gave {given!r:.200}; allowed: {allowed}")
    for name, value in given[1].items():
        if not isinstance(value, float | int | str | Estimate):
            raise SpecError(f"rule {code}: {name} is {value!r:.100}; allowed: a number, text or an Estimate")
    return {**given[1], "verdict": given[0]}


def about(subject: str) -> list[Rule]:
    """The rules about something, by their codes."""
    return sorted((r for r in rules.values() if r.about == subject), key=lambda r: r.code)


def claims_about(subject: str, given: Any) -> list[Claim]:
    """What all rules about "data", "study" or "notebook" say, by their codes."""
    return [claim for r in about(subject) for claim in r.claims(given)]


def codes(patterns: Iterable[str], *, severities: bool = False) -> frozenset[str]:
    """The codes that some patterns mean: codes (LT201), families (LT2xx) and, where asked for, severities, which mean
    all that are as bad or worse ("warning": warnings and errors).

    Raises:
        SpecError: a pattern means no rule that is known.
    """
    known = {r.code: r for r in rules.values()}
    found: set[str] = set()
    for pattern in patterns:
        if severities and pattern in SEVERITIES:
            worst = SEVERITIES[: SEVERITIES.index(pattern) + 1]
            found |= {code for code, r in known.items() if r.severity in worst}
            continue
        family = re.compile(re.escape(pattern).replace("x", r"\d")) if _FAMILY.fullmatch(pattern) else None
        matching = {code for code in known if family and family.fullmatch(code)}
        if not matching:
            allowed = [*known, *sorted({f"{code[:-2]}xx" for code in known}), *(SEVERITIES if severities else ())]
            raise SpecError(unknown("finding", pattern, allowed))
        found |= matching
    return frozenset(found)


_FAMILY = re.compile(r"[A-Z]{2,8}[\dx]{3}")


def to_do(name: str, words: Words) -> str:
    """What to do where a rule is found; "" where nothing is known of it, as of one of an older version."""
    return words.templates.get(f"{rules[name].key}.do", "") if name in rules else ""
