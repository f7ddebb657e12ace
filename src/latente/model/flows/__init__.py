"""Normalising flows: invertible maps with known log-determinants, for posteriors and priors."""
