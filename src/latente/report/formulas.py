"""What a model maximises and how its codes are drawn, in MathML: two lines for most."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import NamedTuple

from latente.analysis.trained_models import TrainedModel, grouped
from latente.language.words import Words
from latente.spec import part


class Formula(NamedTuple):
    """One line: what it is in words, its MathML, and the same as plain text for who does not see it."""

    name: str
    markup: str
    plain: str


class Formulas(NamedTuple):
    """The lines of models that are made alike."""

    models: str
    lines: tuple[Formula, ...]


TALL = ("[ ", " ]")


def _i(name: str) -> str:
    return f"<mi>{escape(name)}</mi>"


def _o(sign: str) -> str:
    # Brackets as high as the letters, but about fractions.
    return f'<mo stretchy="{"true" if sign in TALL else "false"}">{escape(sign.strip())}</mo>'


def _n(number: str) -> str:
    return f"<mn>{escape(number)}</mn>"


def _row(*parts: str) -> str:
    return f"<mrow>{''.join(parts)}</mrow>"


def _of(function: str, *inside: str) -> str:
    """A function of something in brackets."""
    return _row(_i(function), _o("("), *inside, _o(")"))


_X, _Z = _i("x"), _i("z")
_GIVEN = _of("p", _X, _o("|"), _Z)
_ENCODER = _of("q", _Z, _o("|"), _X)
_LOG = "<mi>log</mi><mo>\u2061</mo>"


def _mean(over: str, *inside: str, tall: bool = False) -> str:
    left, right = TALL if tall else ("[", "]")
    return _row(f"<msub><mi mathvariant='normal'>E</mi>{over}</msub>", _o(left), *inside, _o(right))


def _elbo(model: TrainedModel, words: Words) -> tuple[str, str]:
    shown = "β" if model.beta is None else words.number(model.beta, "g")
    weight = "" if model.beta == 1 else (_i("β") if model.beta is None else _n(shown)) + _o("\u2062")
    sign = _o("≥") if model.beta == 1 else ""
    left = _row(_LOG, _of("p", _X), sign) if model.beta == 1 else ""
    kl = _row(_i("KL"), _o("("), _ENCODER, _o("‖"), _of("p", _Z), _o(")"))
    start = "log p(x) ≥ " if model.beta == 1 else ""
    times = "" if model.beta == 1 else f"{shown} · "
    return (
        _row(left, _mean(_ENCODER, _LOG, _GIVEN), _o("−"), weight, kl),
        f"{start}E over q(z | x) of log p(x | z) − {times}KL(q(z | x) ‖ p(z))",
    )


def _iwae(model: TrainedModel, words: Words) -> tuple[str, str]:
    count = _n(str(part(model.spec.objective)[1].get("samples", "K")))
    samples = f"<munderover><mo>∑</mo>{_row(_i('k'), _o('='), _n('1'))}{count}</munderover>"
    code = f"<msub>{_Z}{_i('k')}</msub>"
    weight = f"<mfrac>{_of('p', _X, _o(','), code)}{_of('q', code, _o('|'), _X)}</mfrac>"
    inside = (_LOG, f"<mfrac>{_n('1')}{count}</mfrac>", samples, weight)
    text = "log p(x) ≥ E of log of the mean over k of p(x, z_k) / q(z_k | x)"
    return _row(_LOG, _of("p", _X), _o("≥"), _mean(_ENCODER, *inside, tall=True)), text


def _reconstruction(model: TrainedModel, words: Words) -> tuple[str, str]:
    return _row(_LOG, _of("p", _X, _o("|"), _of("f", _X))), "log p(x | f(x))"


def _gaussian() -> tuple[str, str]:
    noise = _row(_i("ε"), _o("∼"), "<mi mathvariant='script'>N</mi>", _o("("), _n("0"), _o(","), _i("I"), _o(")"))
    space = "<mspace width='1.2em'></mspace>"
    return (
        _row(_Z, _o("="), _of("μ", _X), _o("+"), _of("σ", _X), _o("⊙"), _i("ε"), _o(","), space, noise),
        "z = μ(x) + σ(x) ⊙ ε, ε ~ N(0, I)",
    )


def _point() -> tuple[str, str]:
    return _row(_Z, _o("="), _of("f", _X)), "z = f(x)"


OBJECTIVES: dict[str, Callable[[TrainedModel, Words], tuple[str, str]]] = {
    "elbo": _elbo,
    "iwae": _iwae,
    "reconstruction": _reconstruction,
}
"""What is maximised, by objective; of others the page has the loss in words."""

CODES = {"gaussian": _gaussian, "dirac": _point}
"""How a code is drawn, by posterior."""


def formulas(trained: Sequence[TrainedModel], words: Words) -> list[Formulas]:
    """The lines of each kind of model that has any, in order of appearance."""

    def kind(model: TrainedModel) -> tuple[str, str, float | None]:
        return part(model.spec.objective)[0], part(model.spec.posterior)[0], model.beta

    found = []
    for (objective, posterior, _), models in grouped(trained, kind).items():
        lines = []
        if objective in OBJECTIVES:
            lines.append(_line("objective", objective, *OBJECTIVES[objective](models[0], words), words))
        if posterior in CODES:
            lines.append(_line("code", posterior, *CODES[posterior](), words))
        if lines:
            found.append(Formulas(words.joined([m.name for m in models]), tuple(lines)))
    return found


def _line(what: str, name: str, markup: str, plain: str, words: Words) -> Formula:
    maths = f'<math display="block" alttext="{escape(plain)}">{markup}</math>'
    return Formula(words(f"report.formula.{what}.{name}"), maths, plain)
