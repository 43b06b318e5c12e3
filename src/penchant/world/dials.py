"""The dials of a society, and the presets that name settings of them.

A dial is a property that a test can find again in the made data: every preset has a test that shows what it promises.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from penchant.errors import BadSetting, UnknownName


class Dials(BaseModel):
    """Everything that can be turned. Shares lie in 0..1; scales are in units of utility (natural logarithm of odds)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # People and their tastes
    types: int = Field(8, ge=1, le=200)
    """Kinds of people; each has a centre of taste."""
    dimensions: int = Field(12, ge=2, le=128)
    """Hidden dimensions of taste."""
    taste: float = Field(2.1, ge=0)
    """Spread of utility over the catalogue that comes from taste: 0 leaves only popularity."""
    type_share: float = Field(0.6, ge=0, le=1)
    """Share of a person's taste that comes from the type, the rest is the person's own."""
    tastes_per_person: int = Field(1, ge=1, le=4)
    """Separate tastes of one person; each session follows one of them."""
    periods: int = Field(4, ge=1, le=64)
    """Stretches of equal length within which tastes stand still."""
    drift: float = Field(0.25, ge=0, le=1)
    """How far a taste has moved from its beginning by the last period (0 stands still, 1 is a new taste)."""
    change_share: float = Field(0.05, ge=0, le=1)
    """Share of people who become another type at a change point."""
    price: float = Field(0.3, ge=0)
    """Mean weight of a low price in utility."""

    # The catalogue
    categories: int = Field(24, ge=1, le=48)
    """Categories, spread over departments of six."""
    category_share: float = Field(0.45, ge=0, le=1)
    """Share of what an item is (to taste) that its category tells."""
    attribute_share: float = Field(0.35, ge=0, le=1)
    """Share that its attributes tell; what is left is the item's own."""
    popularity: float = Field(0.75, ge=0)
    """Weight of popularity in utility; weights follow a power law with exponent 1 / popularity."""
    late_items: float = Field(0.0, ge=0, le=1)
    """Share of items that are added after the beginning."""
    late_from: float = Field(0.5, ge=0, le=1)
    """Moment (share of the days) after which late items are added, evenly until 95% of the days."""

    # Visits and events
    events_per_user: float = Field(16, ge=1)
    """Median number of events of a person."""
    activity_spread: float = Field(0.7, ge=0, le=2)
    """Spread (of the logarithm) of the number of events over people."""
    session_length: float = Field(3.0, ge=1)
    """Mean number of events of a session."""
    gap_spread: float = Field(0.8, ge=0, le=4)
    """Spread (of the logarithm) of gaps between sessions: large is irregular."""
    repeats: bool = False
    """Whether a person may take an item again."""

    # Order
    order: float = Field(0.15, ge=0, le=1)
    """Share of choices that follow from the items before them, where the gap lets them."""
    sequel: float = Field(0.4, ge=0, le=1)
    """Of these, the share that goes to a sequel of the last item; the rest goes to the category that the last two
    categories call for."""
    order_hours: float = Field(12.0, ge=0)
    """A choice follows from the ones before it within this time (used where gaps have no meaning)."""
    gap_meaning: bool = False
    """Gaps tell what comes next: within 3 days an accessory, after 25 to 35 days a replenishment, else own taste."""
    gap_classes: bool = False
    """Draw gaps from these three classes (with or without their meaning), in place of a stretched window."""

    # Noise
    mistakes: float = Field(0.03, ge=0, le=1)
    """Share of people's events that have nothing to do with taste."""
    bots: float = Field(0.005, ge=0, le=1)
    """Share of accounts that are bots."""

    # Shops
    shops: int = Field(1, ge=1, le=6)
    """Shops (two) or locales (up to six) that share tastes."""
    shop_overlap: float = Field(0.3, ge=0, le=1)
    """Share of people who visit a second shop."""
    thin_share: float = Field(0.5, gt=0, le=1)
    """Share of people (and of visits, for people of two shops) that the first shop does not have."""
    shared_catalogue: float = Field(0.0, ge=0, le=1)
    """Share of items that every shop sells."""

    # Choice from a slate
    random_click_rate: float = Field(0.25, gt=0, lt=1)
    """Share of random slates of ten in which something is clicked: the no-click level is set for it."""
    examination: float = Field(0.85, gt=0, le=1)
    """Probability of looking one position further down a slate."""

    # Views and words (parts vectors and text)
    vector_dimensions: int = Field(32, ge=2, le=1024)
    """Width of the vectors of every modality."""
    share_explained: float = Field(0.6, ge=0, le=1)
    """Share of the variance of a view that tells of the item's taste; the rest is noise."""
    missing_vectors: float = Field(0.1, ge=0, le=1)
    """Share of items without a view, drawn for every modality."""
    review_rate: float = Field(0.15, ge=0, le=1)
    """Share of events that carry a review."""
    synonyms: float = Field(0.3, ge=0, le=1)
    """Share of attribute words that are said by a synonym."""
    false_claims: float = Field(0.05, ge=0, le=1)
    """Share of descriptions with a claim that is not true."""

    # Slates and rows (parts impressions and fields)
    slates_per_user: float = Field(8.0, gt=0)
    """Mean number of logged slates of a person."""
    slate_width: int = Field(10, ge=2, le=100)
    """Items of a slate."""
    search_share: float = Field(0.25, ge=0, le=1)
    """Share of slates that answer a search, so that all items are of one category."""
    exploration: float = Field(0.3, gt=0, le=1)
    """Share of slots that the logging policy fills by chance; never zero, so that every item has a propensity."""
    rows_per_user: float = Field(20.0, gt=0)
    """Mean number of labelled rows of a person in the table of fields."""
    planted: float = Field(1.2, ge=0)
    """Size of the planted effects of a pair and a triple of fields; 0 plants nothing."""


PRESETS: dict[str, dict[str, Any]] = {
    "standard": {},
    # Small in every way, for tests of mechanics.
    "tiny": {"events_per_user": 10, "types": 4, "dimensions": 6, "categories": 6, "periods": 2, "taste": 2.5},
    # Ten events a person, of which a split in five leaves eight to train on.
    "sparse": {
        "events_per_user": 10, "activity_spread": 0.3, "order": 0.05, "mistakes": 0.0, "bots": 0.0, "popularity": 0.35,
        "taste": 1.8, "dimensions": 8, "category_share": 0.55, "attribute_share": 0.35, "drift": 0.1, "change_share": 0.0,
    },
    "noise": {"mistakes": 0.2, "bots": 0.02},
    "two_tastes": {"tastes_per_person": 2, "type_share": 0.85, "session_length": 4.0, "events_per_user": 20},
    "cold": {"late_items": 0.3, "late_from": 0.5},
    "sessions": {"session_length": 5.0, "events_per_user": 18, "order": 0.6, "sequel": 0.3, "taste": 1.6},
    "two_shops": {"shops": 2, "shop_overlap": 0.4, "thin_share": 0.25, "events_per_user": 20},
    "irregular": {
        "gap_classes": True, "gap_meaning": True, "session_length": 1.0, "gap_spread": 1.5, "order": 0.7,
        "sequel": 0.0, "taste": 1.6,
    },
}  # fmt: skip


def dials_of(preset: str, changes: Mapping[str, Any] | Dials | None = None) -> Dials:
    """The dials of a preset, with some of them turned.

    Errors: UnknownName for a preset or a dial that does not exist, BadSetting for a value out of bounds.
    """
    if isinstance(changes, Dials):
        return changes
    if preset not in PRESETS:
        raise UnknownName("preset of the world", preset, PRESETS)
    given = {**PRESETS[preset], **(changes or {})}
    for name in given:
        if name not in Dials.model_fields:
            raise UnknownName("dial of the world", name, Dials.model_fields)
    try:
        dials = Dials(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        raise BadSetting("the world", name, first["msg"], given.get(name)) from None
    if dials.category_share + dials.attribute_share > 1:
        raise BadSetting("the world", "attribute_share", "with category_share at most 1", dials.attribute_share)
    return dials
