"""Runs compared: paired differences, budgets, rankings on common scales, and the latent size that is enough."""
