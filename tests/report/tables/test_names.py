"""What numbers are called and compare on, in both languages."""

import tomllib

import pytest

from latente.language.words import Words
from latente.model.likelihoods import likelihoods
from latente.objective.objectives import objectives
from latente.report.tables.names import number_name, number_title, scale_name
from latente.studies.study_file import shipped

EN, PT = Words("en"), Words("pt")


@pytest.mark.parametrize(
    ("scale", "english", "portuguese"),
    [
        ("elbo of bernoulli", "ELBO (Bernoulli)", "ELBO (Bernoulli)"),
        (
            "elbo (beta = 0.5) of bernoulli (binarise = static)",
            "ELBO, beta = 0.5 (Bernoulli, binarised once)",
            "ELBO, beta = 0,5 (Bernoulli, binarizada uma vez)",
        ),
        (
            "iwae (samples = 5) of gaussian, given the label or columns",
            "IWAE, samples = 5 (Gaussian), given the label or columns",
            "IWAE, samples = 5 (gaussiana), dados o rótulo ou as colunas",
        ),
        (
            "−log p(x | z) of laplace, codes of denoising (std = 0.5) examples",
            "−log p(x | z) (Laplace), codes of corrupted examples (denoising, std = 0.5)",
            "−log p(x | z) (Laplace), códigos de exemplos corrompidos (remoção de ruído, std = 0,5)",
        ),
        ("squared error of drawn codes", "squared error of drawn codes", "erro quadrático de códigos sorteados"),
        ("of nobody", "of nobody", "of nobody"),
    ],
)
def test_what_a_number_compares_on_is_said_in_words(scale, english, portuguese):
    assert (scale_name(scale, EN), scale_name(scale, PT)) == (english, portuguese)


def test_numbers_have_names():
    assert number_name("loss", PT) == "perda" and number_title("nll_1000", PT) == "Limite da NLL (K = 1.000)"
    assert number_name("ais_500_of_100", EN) == "NLL by annealing (500 steps, 100 examples)"
    assert number_title("precision", PT) == "Precisão" and number_title("nobody's", EN) == "nobody's"


def test_every_likelihood_objective_and_shipped_title_has_its_words():
    for words in (EN, PT):
        for kind, registry in (("likelihood", likelihoods), ("objective", objectives)):
            assert {f"{kind}.{name}" for name in registry} <= words.templates.keys()
    assert {k.removeprefix("title.") for k in PT.templates if k.startswith("title.")} == set(shipped())
    for name in shipped():
        title = tomllib.loads(shipped()[name])["title"]
        assert EN.title(title) == title == EN(f"title.{name}") != PT.title(title)
    assert PT.title("Um título do usuário") == "Um título do usuário"
