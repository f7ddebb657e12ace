"""What numbers are called and compare on, in both languages."""

import tomllib

import pytest
from made import untrained

from latente.evaluation.scores.losses import Distortion, Loss, SquaredError
from latente.language.message import phrase
from latente.language.words import Words
from latente.model.likelihoods import likelihoods
from latente.model.nets import ACTIVATIONS
from latente.model.networks.base import networks
from latente.model.posteriors import posteriors
from latente.model.priors import priors
from latente.objective.objectives import objectives
from latente.objective.presets import VAE, preset
from latente.report.tables.names import activation_name, number_name, number_title, part_name
from latente.studies.study_file import shipped

EN, PT = Words("en"), Words("pt")


BERNOULLI = {"name": "bernoulli", "binarise": "static"}
NOISE = {"name": "denoising", "noise": "gaussian", "level": 0.5}


@pytest.mark.parametrize(
    ("score", "spec", "text", "english", "portuguese"),
    [
        (Loss(), VAE(2, hidden=(8,)), "elbo of bernoulli", "ELBO (Bernoulli)", "ELBO (Bernoulli)"),
        (
            Loss(),
            VAE(2, hidden=(8,), likelihood=BERNOULLI, objective={"name": "elbo", "beta": 0.5}),
            "elbo (beta = 0.5) of bernoulli (binarise = static)",
            "ELBO, beta = 0.5 (Bernoulli, binarised once)",
            "ELBO, beta = 0,5 (Bernoulli, binarizada uma vez)",
        ),
        (
            Loss(),
            preset("CVAE", 2, hidden=(8,), likelihood="gaussian", objective={"name": "iwae", "samples": 7}),
            "iwae (samples = 7) of gaussian, given the label or columns",
            "IWAE, samples = 7 (Gaussian), given the label or columns",
            "IWAE, samples = 7 (gaussiana), dados o rótulo ou as colunas",
        ),
        (
            Distortion(),
            VAE(2, hidden=(8,), likelihood="laplace", objective=NOISE),
            "−log p(x | z) of laplace, codes of denoising (level = 0.5, noise = gaussian) examples",
            "−log p(x | z) (Laplace), codes of corrupted examples (denoising, level = 0.5, noise = gaussian)",
            "−log p(x | z) (Laplace), códigos de exemplos corrompidos (remoção de ruído, level = 0,5, "
            "noise = gaussian)",
        ),
        (
            SquaredError(),
            VAE(2, hidden=(8,)),
            "squared error of drawn codes",
            "squared error of drawn codes",
            "erro quadrático de códigos sorteados",
        ),
        (
            SquaredError(),
            VAE(2, hidden=(8,), likelihood=BERNOULLI),
            "squared error of drawn codes against what bernoulli (binarise = static) observes",
            "squared error of drawn codes, of examples as the likelihood sees them (Bernoulli, binarised once)",
            "erro quadrático de códigos sorteados, nos exemplos como a verossimilhança os vê (Bernoulli, "
            "binarizada uma vez)",
        ),
    ],
)
def test_what_a_number_compares_on_is_a_text_in_files_and_said_in_words(tiny, score, spec, text, english, portuguese):
    scale = score.scale(untrained(tiny, spec, "run"))
    assert (scale, phrase(scale, EN), phrase(scale, PT)) == (text, english, portuguese)


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


def test_parts_are_words_and_not_the_names_of_study_files():
    dirac, warm = {"name": "dirac", "activation": "relu"}, {"name": "elbo", "beta": {"name": "linear", "steps": 500}}
    assert [part_name("posterior", dirac, w) for w in (EN, PT)] == ["point, ReLU", "ponto, ReLU"]
    assert part_name("objective", warm, PT) == "ELBO, β = linear (passos = 500)"
    assert part_name("likelihood", BERNOULLI, EN) == "Bernoulli, binarised once"
    # A plug-in's part has the name that it was given, and an option without words its key.
    assert part_name("prior", {"name": "mine", "step_size": 0.5}, PT) == "mine, step size = 0,5"
    for kind, registry in (("network", networks), ("posterior", posteriors), ("prior", priors)):
        assert [name for name in registry if f"{kind}.{name}" not in PT.templates and "." not in name] == []
    assert [a for a in ACTIVATIONS if f"activation.{a}" not in PT.templates] == []
    assert activation_name("relu", PT) == "ReLU"
