"""Networks: encoders and their mirrors, the decoders. A new one is one new module here."""

from latente.model.networks.base import Network as Network
from latente.model.networks.base import networks as networks
from latente.registry import import_parts

import_parts(__name__, __path__)
