"""Training: one compiled program an epoch, checkpoints, run folders."""
