"""How a mind is asked: a language model, or the offline answers that need none."""
