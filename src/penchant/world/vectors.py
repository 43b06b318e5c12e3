"""Views of an item: what a picture, a text and a recording of it would look like to an encoder.

Each modality sees a third of the hidden dimensions of taste well and the others faintly, so that what a person likes
may lie more in the looks or more in the words; the truth says how much.
"""

from __future__ import annotations

import numpy as np

from penchant.world.core import Core, names_of
from penchant.world.parts import Society

MODALITIES = ("image", "text", "audio")
FAINT = 0.3
"""Weight of the dimensions that a modality does not see well."""


def emphasis(dimensions: int) -> np.ndarray:
    """How well each modality sees each hidden dimension, float64[3,D]: 1 or FAINT."""
    home = np.arange(dimensions) % len(MODALITIES)
    return np.where(home[None, :] == np.arange(len(MODALITIES))[:, None], 1.0, FAINT)


def make(society: Society) -> dict[str, np.ndarray]:
    """Make the part: `vectors/image`, `vectors/text`, `vectors/audio`, and each person's weight of a modality.

    A view is sqrt(s) * signal + sqrt(1 - s) * noise, both with variance 1, where s is the dial `share_explained`; the
    signal is a turned copy of what the item is to taste.
    """
    core: Core = society.state["core"]
    dials = society.dials
    essence = core.catalogue.essence
    views: dict[str, np.ndarray] = {}
    lost = {}
    for modality, weight in zip(MODALITIES, emphasis(dials.dimensions), strict=True):
        chance = society.stream("vectors", modality)
        turn = chance.standard_normal((dials.dimensions, dials.vector_dimensions))
        signal = (essence * weight) @ turn
        signal = (signal - signal.mean(0)) / np.maximum(signal.std(0), 1e-12)
        noise = chance.standard_normal(signal.shape)
        share = dials.share_explained
        # Rounded, so that the last bits of another machine's matrix product do not show.
        matrix = (share**0.5 * signal + (1 - share) ** 0.5 * noise).round(4).astype(np.float32)
        missing = chance.random(len(matrix)) < dials.missing_vectors
        matrix[missing] = np.nan
        society.vectors[modality] = views[modality] = matrix
        lost[modality] = missing
    society.truth["views"] = {"item": names_of("i", society.items, 5), **{f"no_{m}": lost[m] for m in MODALITIES}}
    energy = (core.law.tastes[:, 0, 0, : dials.dimensions] ** 2) @ emphasis(dials.dimensions).T ** 2
    share = (energy / np.maximum(energy.sum(1, keepdims=True), 1e-12)).round(6)
    society.truth["modalities"] = {
        "user": names_of("u", society.users, 6), **{m: share[:, n] for n, m in enumerate(MODALITIES)}
    }  # fmt: skip
    return views
