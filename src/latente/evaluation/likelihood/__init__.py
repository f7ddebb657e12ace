"""log p(x) of a trained model and its parts: bounds, annealing, closed forms, the use of latents."""
