"""What a reader asks first of a study, answered in a sentence each with a verdict, and its conclusion in prose.

Both are made of the same few facts (`Facts`), so that no two places of a report contradict each other: differences
between models are those of the comparison with its intervals, latent sizes those of the elbow.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, TypeVar

from latente.analysis.compare import contrast
from latente.analysis.conclusions.claims import Claim, Verdict, above, all_of, below
from latente.analysis.conclusions.evidence import Evidence, Fit, fit_of
from latente.analysis.conclusions.notebook import PRONOUNCED, performance
from latente.analysis.conclusions.standing import Idle, idle_of
from latente.analysis.elbow import Elbow, known_elbows
from latente.analysis.ranking import Comparison, PairedDifference, Ranking
from latente.analysis.trained_models import TrainedModel, pairs
from latente.data.split import Data
from latente.errors import DataError
from latente.evaluation.likelihood.collapse import THRESHOLD
from latente.evaluation.metrics.intervals import bonferroni
from latente.evaluation.run_data import AbsentData
from latente.evaluation.scores.losses import Distortion
from latente.language.message import phrase
from latente.language.words import Words
from latente.report.tables.comparison import recommendation
from latente.report.tables.names import number_name
from latente.report.tables.numbers import digits, number
from latente.report.tables.results import per_what

CODES = {"best": "LT401", "size": "LT405", "unused": "LT206", "overfitting": "LT101", "trust": "LT404"}
"""The finding of which each answer is the short form; where that is left out, the answer is."""


T = TypeVar("T")


class Answer(NamedTuple):
    """A question of the reader's with its answer.

    Attributes:
        name: "best", "size", "unused", "overfitting" or "trust".
        question, text: in words; prose: the text as it stands among sentences, without the question.
        verdict: good news, bad news, or not known, by which the badge is coloured.
        badge: the verdict in a few words.
        section: of the page, where the numbers behind it are.
    """

    name: str
    question: str
    text: str
    prose: str
    verdict: Verdict
    badge: str
    section: str


class Said(NamedTuple):
    """A sentence of the conclusion, and the section of the page that has the numbers behind it."""

    text: str
    section: str


@dataclass(frozen=True)
class Facts:
    """What the answers are made of.

    Attributes:
        trained: the study's models.
        data: what they were trained on.
        words: the language.
        comparison: the models compared on the test part; None for a single one.
        ignore: codes of findings that are left out.
    """

    trained: Sequence[TrainedModel]
    data: Data
    words: Words
    comparison: Comparison | None
    ignore: Collection[str] = ()

    @property
    def unit(self) -> str:
        """What nats are counted for."""
        return "image" if self.data.is_image else "example"

    @property
    def seeds(self) -> int:
        """The fewest of a model."""
        return min(len(m.runs) for m in self.trained)

    @cached_property
    def board(self) -> Ranking | None:
        """The ranking that says which model is best: by the loss, of the scale that most share, else the first."""
        boards = self.comparison.boards if self.comparison else ()
        losses = sorted((b for b in boards if b.column == "loss"), key=lambda b: -len(b.entries))
        return next(iter([*losses, *boards]), None)

    @cached_property
    def elbow(self) -> Elbow | None:
        """The judged sweep over latent sizes, rather of models that can generate."""
        found = known_elbows(r for m in self.trained for r in m.runs)
        generate = {m.name for m in self.trained if m.has_prior}
        return min(found, key=lambda e: not set(e.models) <= generate, default=None)

    @cached_property
    def use(self) -> dict[str, Idle]:
        """How the latents of every model with a KL are used, over at most 2,000 validation examples; without the data,
        of those that keep their codes."""
        found = {m.name: self._told(idle_of, m) for m in self.trained}
        return {name: use for name, use in found.items() if use is not None}

    @cached_property
    def fits(self) -> dict[str, Fit]:
        """How every model's losses on the training and validation parts lie; without the data, where it can be told."""
        judged = [m for m in self.trained if all({"train", "validation"} <= set(r.metrics) for r in m.runs)]
        found = {m.name: self._told(fit_of, m) for m in judged}
        return {name: fit for name, fit in found.items() if fit is not None}

    def _told(self, find: Callable[[TrainedModel], T | None], model: TrainedModel) -> T | None:
        """What can be found of a model; None where it needs data that is not here."""
        try:
            return find(model)
        except DataError:
            if not isinstance(self.data, AbsentData):
                raise
            return None

    @cached_property
    def overfitting(self) -> tuple[Verdict, str] | None:
        """Whether no model overfits, and the model that says so: of those with the verdict, that of the widest gap."""
        judged = {name: _overfits(fit).verdict for name, fit in self.fits.items()}
        if not judged:
            return None
        verdict = all_of(list(judged.values()))
        of = [name for name in judged if judged[name] == verdict] or list(judged)
        return verdict, max(of, key=lambda name: (_percent(self.fits[name]), self.fits[name].gap.value))


def _percent(fit: Fit) -> float:
    return fit.gap_percent.value if fit.gap_percent is not None else 0.0


def _overfits(fit: Fit) -> Claim:
    """The claim that there is no pronounced overfitting, by the rule of the notebook's first conclusion."""
    evidence = Evidence("", 0, False, False, 1, 1, 0, None, vae=1, fit=fit)
    found: tuple[Claim, ...] = performance(evidence)
    return next(c for c in found if c.key == "overfitting")


def answers(facts: Facts) -> list[Answer]:
    """The five answers; a question that means nothing for the study is left out."""
    found = (best(facts), size(facts), unused(facts), overfitting(facts), trust(facts))
    return [a for a in found if a is not None and CODES[a.name] not in facts.ignore]


def _answer(facts: Facts, about: str, case: str, verdict: Verdict, section: str, /, **values: object) -> Answer:
    w, key = facts.words, f"report.answer.{about}"
    text, prose = w(f"{key}.{case}", **values), f"{key}.prose.{case}"
    told = w(prose, **values) if prose in w.templates else text
    return Answer(about, w(f"{key}.question"), text, told, verdict, w(f"{key}.badge.{verdict}"), section)


def _named(facts: Facts, board: Ranking) -> dict[str, object]:
    """The first of a ranking with its number and error, as tables write them."""
    w, entries = facts.words, board.entries
    places = digits(e.value.standard_error or e.value.value / 10 for e in entries)
    value, error = (number(w, v, places) for v in (entries[0].value.value, entries[0].value.standard_error))
    nats = w(f"report.answer.{facts.unit}") if board.column == "loss" else ""
    shown = f"{value} ± {error}" if entries[0].value.standard_error else value
    return {
        "name": entries[0].model, "value": f"{shown} {nats}".strip(), "count": len(entries),
        "column": number_name(board.column, w), "scale": phrase(board.scale, w),
    }  # fmt: skip


def _behind(facts: Facts, board: Ranking, gap: PairedDifference) -> dict[str, object]:
    """How far the second of a pair is behind, with the interval of the table of differences."""
    w, estimate = facts.words, gap.difference.estimate
    places = digits(g.difference.estimate for g in board.gaps)
    low, high = (estimate.low, estimate.high) if board.lower else (-estimate.high, -estimate.low)
    found = {"second": gap.second, "behind": number(w, abs(estimate.value), places)}
    return {**found, "low": number(w, low, places), "high": number(w, high, places)}


def best(facts: Facts) -> Answer | None:
    """Which model is best, and on what scale."""
    board, w = facts.board, facts.words
    if board is None:
        model = max(facts.trained, key=lambda m: m.metric("test", "loss") is not None)
        metric = model.metric("test", "loss")
        if metric is None:
            return None
        value = f"{w.number(metric.value)} ± {w.number(metric.standard_error)} {w(f'report.answer.{facts.unit}')}"
        if len(facts.trained) == 1:
            found = _answer(facts, "best", "single", "unknown", "comparison", name=model.name, value=value)
            return found._replace(
                question=w("report.answer.best.question_single"), badge=w("report.answer.best.badge_single")
            )
        return _answer(facts, "best", "alone", "unknown", "comparison", name=model.name, value=value)
    gaps = [g for g in board.gaps if g.first == board.entries[0].model]
    ties = [g.second for g in gaps if not g.better]
    fields = _named(facts, board)
    if not gaps:
        return _answer(facts, "best", "alone", "unknown", "comparison", **fields)
    closest = min(gaps, key=lambda g: abs(g.difference.estimate.value))
    fields |= _behind(facts, board, closest)
    fields |= {"ties": w.joined(ties), "level": f"{100 * facts.comparison.level:g}" if facts.comparison else ""}
    return _answer(facts, "best", "tied" if ties else "clear", "unknown" if ties else "holds", "comparison", **fields)


def size(facts: Facts) -> Answer | None:
    """Whether the latent size is enough."""
    found = facts.elbow
    if found is None:
        return _answer(facts, "size", "none", "unknown", "model")
    verdict: Verdict = "unknown" if found.chosen is None else "fails" if found.shape == "falling" else "holds"
    models = facts.words.joined(list(found.models))
    return _answer(facts, "size", "judged", verdict, "sizes", text=recommendation(found, facts.words), models=models)


def unused(facts: Facts) -> Answer | None:
    """Whether latents are unused; None where no model has a KL that could switch them off."""
    use, w = facts.use, facts.words
    if not use:
        return None
    some = {name: found for name, found in use.items() if found[0]}
    unsure = {name: found for name, found in use.items() if found[1]}
    limit = w.number(THRESHOLD, "g")
    if some:
        each = [w("report.answer.unused.of", name=n, unused=f[0], latents=f[2]) for n, f in some.items()]
        return _answer(facts, "unused", "some", "fails", "latent", each=w.joined(each), limit=limit)
    if unsure:
        return _answer(facts, "unused", "unsure", "unknown", "latent", names=w.joined(list(unsure)), limit=limit)
    most = max(f[2] for f in use.values())
    case = "none" if len(use) > 1 else "none_alone"
    return _answer(facts, "unused", case, "holds", "latent", names=w.joined(list(use)), latents=most, limit=limit)


def overfitting(facts: Facts) -> Answer | None:
    """Whether a model overfits, by the losses on the training and validation parts."""
    found, w = facts.overfitting, facts.words
    if found is None:
        return None
    verdict, name = found
    fit = facts.fits[name]
    places = digits([fit.gap])
    gap = number(w, fit.gap.value, places)
    percent = "" if fit.gap_percent is None else w("report.answer.overfitting.percent", percent=fit.gap_percent.value)
    rise = "" if fit.rise_percent is None else w.number(fit.rise_percent.value, ".1f")
    fields = {"name": name, "gap": gap, "percent": percent, "rise": rise}
    # Of the two ways to fail, the one that is certain by itself.
    wide = fit.rise_percent is None or above(fit.gap_percent, PRONOUNCED, 2) == "holds"
    case = verdict if verdict != "fails" else "gap" if wide else "rise"
    return _answer(facts, "overfitting", case, verdict, "training", **fields)


def trust(facts: Facts) -> Answer:
    """What so many seeds allow to say."""
    w, board, seeds = facts.words, facts.board, facts.seeds
    examples = w.number(len(facts.data.test), ",d")
    if seeds > 1:
        return _answer(facts, "trust", "seeds", "holds", "method", seeds=seeds, examples=examples)
    gap = next(iter(board.gaps), None) if board else None
    if gap is not None and gap.seeds_needed:
        fields = {"first": gap.first, "second": gap.second, "needed": w.number(gap.seeds_needed, ",d")}
        return _answer(facts, "trust", "one_needed", "unknown", "method", examples=examples, **fields)
    return _answer(facts, "trust", "one", "unknown", "method", examples=examples)


def conclusion(facts: Facts) -> list[Said]:
    """Five to eight sentences about the study, in the order in which a person would tell it."""
    return list(_told(facts))


def _told(facts: Facts) -> Iterator[Said]:
    w, data, trained = facts.words, facts.data, facts.trained
    key = "report.conclusion"
    counts = {"train": w.number(len(data.train), ",d"), "test": w.number(len(data.test), ",d")}
    many = "one" if len(trained) == 1 else "many"
    seeds = "seed" if facts.seeds == 1 else "seeds"
    setup = {"data": data.name, "models": len(trained), "name": trained[0].name, "seeds": facts.seeds, **counts}
    yield Said(w(f"{key}.setup_{many}_{facts.unit}_{seeds}", **setup), "data")
    answered = {a.name: a for a in answers(facts)}
    if "best" in answered:
        yield Said(answered["best"].prose, answered["best"].section)
    yield from _rebuilt(facts)
    yield from _price(facts)
    if facts.elbow is not None:
        models = w.joined(list(facts.elbow.models))
        yield Said(w(f"{key}.size", models=models, text=recommendation(facts.elbow, w)), "sizes")
    last = (answered[name] for name in ("unused", "overfitting", "trust") if name in answered)
    yield from (Said(answer.prose, answer.section) for answer in last)


def _rebuilt(facts: Facts) -> Iterator[Said]:
    """Which models rebuild best and worst, by the squared error, which compares any."""
    w, per = facts.words, per_what(facts.words, facts.data.shape)
    boards = facts.comparison.boards if facts.comparison else ()
    board = next((b for b in boards if b.column == "mse"), None)
    if board is None or board is facts.board:
        metric = facts.trained[0].metric("test", "mse")
        if metric is not None and len(facts.trained) == 1:
            places = digits([metric.standard_error or metric.value / 10])
            value = number(w, metric.value, places)
            yield Said(
                w("report.conclusion.rebuilt_alone", name=facts.trained[0].name, value=value, per=per),
                "reconstructions",
            )
        return
    places = digits(e.value.standard_error or e.value.value / 10 for e in board.entries)
    first, last = board.entries[0], board.entries[-1]
    low, high = (number(w, e.value.value, places) for e in (first, last))
    fields = {"best": first.model, "low": low, "worst": last.model, "high": high, "per": per}
    yield Said(w("report.conclusion.rebuilt", **fields), "reconstructions")


def _price(facts: Facts) -> Iterator[Said]:
    """What the prior costs in reconstruction, at the largest size that has both kinds."""
    w, found = facts.words, pairs(facts.trained)
    if not found:
        return
    vae, ae = found[-1]
    score = Distortion()
    scale = score.scale(vae.first)
    if (
        scale is None
        or scale != score.scale(ae.first)
        or any("test" not in r.metrics for m in (vae, ae) for r in m.runs)
    ):
        return
    # The interval of the finding on such pairs (LT403).
    level = bonferroni(max(len(found), facts.comparison.comparisons if facts.comparison else 1))
    estimate = contrast(vae, ae, score, "test", "reconstruction").difference(level=level).estimate
    verdict = below(estimate, 0)
    places = digits([estimate])
    value, low, high = (number(w, v, places) for v in (abs(estimate.value), *sorted((-estimate.high, -estimate.low))))
    fields = {"ae": ae.name, "vae": vae.name, "latents": vae.latents, "less": value, "low": low, "high": high}
    yield Said(w(f"report.conclusion.price_{verdict}", **fields), "reconstructions")
