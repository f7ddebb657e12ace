"""Objectives: what is minimised, as named terms in nats."""
