"""The VAE of `latente.sklearn.VAE` in PyTorch and skorch: same layers, loss, batches, epochs and held-out tenth.

    python estimator_skorch.py DATA.npy EPOCHS

Prints the wall-clock and processor seconds from the start of the process to the end of `fit`.
"""

import sys
import time

BEGAN = time.perf_counter()

import numpy as np  # noqa: E402
import torch  # noqa: E402
from skorch import NeuralNet  # noqa: E402
from skorch.callbacks import EarlyStopping, LRScheduler  # noqa: E402
from skorch.dataset import ValidSplit  # noqa: E402
from torch import nn  # noqa: E402

LATENTS, BATCH, RATE = 8, 128, 3e-3


class Model(nn.Module):
    def __init__(self, columns):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(columns, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 2 * LATENTS)
        )
        self.decoder = nn.Sequential(
            nn.Linear(LATENTS, 128), nn.ReLU(), nn.Linear(128, 256), nn.ReLU(), nn.Linear(256, columns)
        )

    def forward(self, x):
        mean, log_variance = self.encoder(x).chunk(2, dim=1)
        z = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        return self.decoder(z), mean, log_variance


class Bound(nn.Module):
    def forward(self, found, x):
        logits, mean, log_variance = found
        cross_entropy = nn.functional.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(dim=1)
        kl = 0.5 * (log_variance.exp() + mean**2 - 1 - log_variance).sum(dim=1)
        return (cross_entropy + kl).mean()


def main():
    x = np.load(sys.argv[1]).astype(np.float32) / 255
    epochs = int(sys.argv[2])
    torch.manual_seed(0)
    steps = epochs * -(-len(x) * 9 // 10 // BATCH)

    def rate(step):
        """A linear rise over a tenth, then half a cosine."""
        warm = 0.1 * steps
        return step / warm if step < warm else 0.5 * (1 + np.cos(np.pi * (step - warm) / (steps - warm)))

    net = NeuralNet(
        Model, Bound, module__columns=x.shape[1], optimizer=torch.optim.Adam, lr=RATE, max_epochs=epochs,
        batch_size=BATCH, iterator_train__shuffle=True, train_split=ValidSplit(0.1, random_state=0), verbose=0,
        callbacks=[
            LRScheduler(torch.optim.lr_scheduler.LambdaLR, lr_lambda=rate, step_every="batch"),
            EarlyStopping(patience=epochs, load_best=True),
        ],
    )  # fmt: skip
    net.fit(x, x)
    print("seconds", time.perf_counter() - BEGAN, time.process_time(), net.history[-1, "valid_loss"])


main()
