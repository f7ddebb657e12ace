"""Normalising flows: invertible maps with known log-determinants, for posteriors and priors."""

from latente.model.flows.autoregressive import AutoregressiveFlow
from latente.model.flows.base import Chain, Flow, Inverted, Permutation, reversing
from latente.model.flows.coupling import Coupling, alternating
from latente.model.flows.density import flow_log_prob, flow_sample, flow_sample_and_log_prob
from latente.model.flows.made import MADE
from latente.model.flows.planar import Planar, planar_apply, planar_size
from latente.model.flows.stacks import iaf, maf, real_nvp

__all__ = [
    "MADE",
    "AutoregressiveFlow",
    "Chain",
    "Coupling",
    "Flow",
    "Inverted",
    "Permutation",
    "Planar",
    "alternating",
    "flow_log_prob",
    "flow_sample",
    "flow_sample_and_log_prob",
    "iaf",
    "maf",
    "planar_apply",
    "planar_size",
    "real_nvp",
    "reversing",
]
