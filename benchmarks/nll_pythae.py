"""The competitor in nll.py: pythae's get_nll without gradients, one turn for each line on standard input.

python benchmarks/nll_pythae.py LATENTS SAMPLES IMAGES
"""

import sys
import time

import torch
from pythae.models import VAE, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder

LATENTS, SAMPLES, IMAGES = map(int, sys.argv[1:])
BATCHES = [b for b in (100, 200, 500, 1000) if SAMPLES % b == 0] or [SAMPLES]


class Encoder(BaseEncoder):
    def __init__(self):
        super().__init__()
        layers = torch.nn.Linear(784, 256), torch.nn.ReLU(), torch.nn.Linear(256, 128), torch.nn.ReLU()
        self.body = torch.nn.Sequential(torch.nn.Flatten(), *layers)
        self.mean, self.log_var = torch.nn.Linear(128, LATENTS), torch.nn.Linear(128, LATENTS)

    def forward(self, x):
        h = self.body(x)
        return ModelOutput(embedding=self.mean(h), log_covariance=self.log_var(h))


class Decoder(BaseDecoder):
    def __init__(self):
        super().__init__()
        layers = torch.nn.Linear(LATENTS, 128), torch.nn.ReLU(), torch.nn.Linear(128, 256), torch.nn.ReLU()
        self.body = torch.nn.Sequential(*layers, torch.nn.Linear(256, 784), torch.nn.Sigmoid())

    def forward(self, z):
        return ModelOutput(reconstruction=self.body(z).reshape(-1, 1, 28, 28))


torch.manual_seed(0)
config = VAEConfig(input_dim=(1, 28, 28), latent_dim=LATENTS, reconstruction_loss="bce")
model = VAE(config, encoder=Encoder(), decoder=Decoder()).eval()
data = torch.randint(0, 2, (IMAGES, 1, 28, 28)).float()


def turn(batch):
    start = time.perf_counter()
    with torch.no_grad():
        model.get_nll(data, n_samples=SAMPLES, batch_size=batch)
    return (time.perf_counter() - start) / IMAGES


best = min(BATCHES, key=lambda b: min(turn(b) for _ in range(2)))
for _ in sys.stdin:
    print("seconds", turn(best), flush=True)
