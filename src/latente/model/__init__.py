"""Models: networks, likelihoods, posteriors and priors, assembled from a spec."""
