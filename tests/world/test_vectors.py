"""Views tell of the item as much as their dial says; missing ones are masked, in the data and in the truth."""

from __future__ import annotations

import numpy as np
import pytest

from penchant.world.vectors import MODALITIES
from tests.world.conftest import Maker

PARTS = ("core", "vectors")


def explained(world, modality: str) -> float:  # type: ignore[no-untyped-def]
    """Share of the variance of a view that a linear map from the item's essence explains (corrected for its size)."""
    matrix = world.arrays[modality]
    there = ~np.isnan(matrix).any(1)
    essence = np.column_stack([world.truth.matrix("items", "view")[there, :12], np.ones(there.sum())])
    target = matrix[there].astype(float)
    rest = target - essence @ np.linalg.lstsq(essence, target, rcond=None)[0]
    n, d = essence.shape
    return 1 - (rest.var(0) / target.var(0)).mean() * (n - 1) / (n - d)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 1.0])
def test_the_share_explained_follows_its_dial(world_of: Maker, share: float) -> None:
    world = world_of(items=1000, parts=PARTS, share_explained=share)
    for modality in MODALITIES:
        assert abs(explained(world, modality) - share) < 0.03


def test_missing_views_are_masked(world_of: Maker) -> None:
    world = world_of(items=1000, parts=PARTS)
    lost = []
    for modality in MODALITIES:
        matrix = world.arrays[modality]
        assert matrix.dtype == np.float32 and matrix.shape == (1000, 32)
        missing = np.isnan(matrix).all(1)
        assert np.array_equal(missing, np.isnan(matrix).any(1)) and abs(missing.mean() - 0.1) < 0.03
        assert np.array_equal(missing, world.truth.array("views", f"no_{modality}"))
        lost.append(missing)
    assert not np.array_equal(lost[0], lost[1])
    assert not np.isnan(world_of(parts=PARTS, missing_vectors=0.0).arrays["image"]).any()


def test_the_data_set_hands_the_views_on_with_their_masks(world_of: Maker) -> None:
    from penchant.data.vectors import of_dataset

    world = world_of(parts=PARTS)
    found = of_dataset(world.dataset, "image")
    missing = np.isnan(world.arrays["image"]).any(1)
    assert np.array_equal(found.missing, missing)
    assert np.array_equal(found.matrix[~missing], world.arrays["image"][~missing])


def test_modalities_see_different_things_and_people_weigh_them(world_of: Maker) -> None:
    world = world_of(items=1000, parts=PARTS, share_explained=1.0, missing_vectors=0.0)
    essence = world.truth.matrix("items", "view")[:, :12]
    for place, modality in enumerate(MODALITIES):
        matrix = world.arrays[modality]
        weight = np.linalg.lstsq(essence, matrix, rcond=None)[0]
        strength = np.linalg.norm(weight, axis=1)
        assert strength[place::3].mean() > 2 * np.delete(strength, np.arange(place, 12, 3)).mean()
    shares = np.column_stack([world.truth.array("modalities", m) for m in MODALITIES])
    assert np.allclose(shares.sum(1), 1, atol=1e-5) and shares.max() > 0.55


def test_similar_views_mean_similar_liking(world_of: Maker) -> None:
    world = world_of(items=1000, parts=PARTS)
    matrix = np.nan_to_num(world.arrays["text"])
    view = matrix / np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-9)
    essence = world.truth.matrix("items", "view")[:, :12]
    true = essence / np.linalg.norm(essence, axis=1, keepdims=True)
    pairs = np.triu_indices(1000, 1)
    assert np.corrcoef((view @ view.T)[pairs], (true @ true.T)[pairs])[0, 1] > 0.25
