"""The notebook's VAE (latent size 2) in latente, one epoch for each line on standard input.

vs_keras.py runs it; it prints the seconds of each epoch, and the peak memory at the end.
"""

import resource
import sys
import time

import latente

data = latente.load_data(sys.argv[1])
epochs = int(sys.argv[2])
sys.stdin.readline()
began = time.perf_counter()


def report(epoch):
    """Print the time of the whole turn: the compiled program, copying its numbers back, and the hooks."""
    global began
    print(f"seconds {time.perf_counter() - began} {epoch.logs['val_loss']}", flush=True)
    if epoch.number < epochs:
        if not sys.stdin.readline():
            raise SystemExit
        began = time.perf_counter()


latente.fit(latente.VAE(latent_dim=2), data, epochs=epochs, batch_size=128, on_epoch=report)
print(f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}", flush=True)
