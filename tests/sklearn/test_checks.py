"""scikit-learn's own checks of estimators, all of them.

One is skipped unless SCIPY_ARRAY_API=1 is set before SciPy is imported: check_array_api_input, which then passes too.
"""

from sklearn.utils.estimator_checks import parametrize_with_checks

from latente.sklearn import AE

# Compiling takes nearly all of the time: of this model a quarter of what it takes of a VAE of mixed columns. After a
# single step Adam has used no more of a gradient than its signs, so that weights would hardly matter.
TINY = {
    "epochs": 3,
    "hidden": (),
    "latent_dim": 1,
    "patience": 0,
    "likelihood": "gaussian",
    "code_activation": "linear",
}

FAILS = {
    "check_sample_weight_equivalence_on_dense_data": (
        "training is stochastic: a row given twice is drawn twice, in other batches and with other random numbers, so "
        "that weights and repeated rows have the same mean loss (tested) and not the same bits"
    )
}


@parametrize_with_checks([AE(**TINY)], expected_failed_checks=lambda estimator: FAILS, xfail_strict=True)
def test_scikit_learn(estimator, check):
    check(estimator)
