"""What is exported for PyTorch computes what the models do."""

import numpy as np
import pytest
from exported import MODELS, case, compare, made, opened, through_model

torch = pytest.importorskip("torch", reason="torch is not installed (pip install torch)")
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", MODELS)
def test_codes_and_means_are_those_of_the_model(name, tmp_path):
    run, x, context = case(name)
    compare(run, x, through_model(run.export("torch", tmp_path / name), x, context), context)


def test_samples_are_decoded_codes_of_the_prior(tmp_path):
    run, *_ = case("mlp")
    model = opened(run.export("torch", tmp_path / "samples"))
    codes = model.sample_codes(20_000, seed=1).numpy()
    assert abs(codes.mean(axis=0)).max() < 0.04 and abs(np.cov(codes.T) - np.eye(3)).max() < 0.04
    assert torch.equal(model.sample(4, seed=2), model.decode(model.sample_codes(4, seed=2)))
    assert not torch.equal(model.sample(4, seed=2), model.sample(4, seed=3))
    mixture = run.with_prior("gaussian-mixture", components=2, covariance="full")
    model = opened(mixture.export("torch", tmp_path / "mixture"))
    codes, ours = model.sample_codes(20_000, seed=1).numpy(), np.asarray(drawn(mixture, 20_000))
    spread = ours.std(axis=0)
    assert (abs(codes.mean(axis=0) - ours.mean(axis=0)) < 0.05 * spread).all()
    assert (abs(np.cov(codes.T) - np.cov(ours.T)) < 0.06 * np.outer(spread, spread)).all()


@pytest.mark.parametrize(("name", "atol"), [("fsq", 0.02), ("rvq", 0.02), ("hard", 0.01), ("vmf", 0.02)])
def test_codes_of_other_priors_are_distributed_as_theirs(name, atol, tmp_path):
    run, *_ = case(name)
    codes = opened(run.export("torch", tmp_path / name)).sample_codes(40_000, seed=1).numpy()
    ours = drawn(run, 40_000)
    scale = np.maximum(ours.std(axis=0), 1e-6)
    assert codes.shape == ours.shape
    assert abs((codes.mean(axis=0) - ours.mean(axis=0)) / scale).max() < 2 * atol + 0.01
    assert abs((np.cov(codes.T) - np.cov(ours.T)) / np.outer(scale, scale)).max() < 2 * atol + 0.02
    if name in ("fsq", "rvq", "hard"):
        assert set(np.unique(codes.round(4), axis=0)[:, 0]) == set(np.unique(ours.round(4), axis=0)[:, 0])


def drawn(run, n):
    from latente.evaluation import latent

    return latent.sample_codes(run.generator, n, seed=0)


def test_gradients_reach_the_weights_and_the_scaling_stays(tmp_path):
    run, x, _ = case("conv")
    model = opened(run.export("torch", tmp_path / "gradients"))
    ((model(x) - torch.as_tensor(x)) ** 2).mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for n, p in model.named_parameters() if "log" not in n)
    assert not any("scaling" in name for name, _ in model.named_parameters())


def test_mistakes_say_what_is_allowed(tmp_path):
    run, x = made(MODELS["dirac"])
    model = opened(run.export("torch", tmp_path / "mistakes"))
    with pytest.raises(ValueError, match=r"x: got shape \(7, 5\); allowed: \(n, 7, 5\)"):
        model.encode(x[0])
    with pytest.raises(ValueError, match="no prior to sample from"):
        model.sample(3)
    with pytest.raises(ValueError, match="context: this model takes none"):
        model.encode(x, context=np.eye(11))
