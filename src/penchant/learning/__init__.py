"""How models learn: trainer, samplers, losses, graphs, closed forms, kernels."""
