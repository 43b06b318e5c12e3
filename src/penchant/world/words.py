"""The words of the society: what is sold, and how its attributes are said. Six categories a department."""

from __future__ import annotations

DEPARTMENTS: dict[str, tuple[str, ...]] = {
    "outdoor": ("tents", "sleeping bags", "stoves", "lanterns", "packs", "bottles"),
    "kitchen": ("knives", "pans", "kettles", "mugs", "boards", "grinders"),
    "garden": ("shears", "planters", "hoses", "benches", "gloves", "lamps"),
    "clothing": ("jackets", "trousers", "shirts", "scarves", "boots", "caps"),
    "office": ("notebooks", "pens", "chairs", "trays", "clocks", "bags"),
    "music": ("guitars", "drums", "flutes", "stands", "speakers", "headphones"),
    "play": ("puzzles", "kites", "trains", "balls", "castles", "yo-yos"),
    "home": ("rugs", "curtains", "vases", "mirrors", "cushions", "baskets"),
}

SINGULAR: dict[str, str] = {
    "knives": "knife", "scarves": "scarf", "shears": "pair of shears", "trousers": "pair of trousers",
    "gloves": "pair of gloves", "boots": "pair of boots", "headphones": "pair of headphones", "benches": "bench",
}  # fmt: skip

# Every value: the word itself and words that mean the same.
ATTRIBUTES: dict[str, dict[str, tuple[str, ...]]] = {
    "colour": {
        "red": ("crimson", "scarlet"), "blue": ("navy", "azure"), "green": ("olive", "emerald"),
        "black": ("jet", "ebony"), "white": ("ivory", "snow"), "yellow": ("golden", "amber"),
        "grey": ("silver", "slate"), "brown": ("chestnut", "tan"),
    },
    "material": {
        "steel": ("stainless", "metal"), "oak": ("hardwood", "wooden"), "cotton": ("cloth", "woven"),
        "leather": ("hide", "suede"), "bamboo": ("cane", "rattan"), "plastic": ("resin", "polymer"),
    },
    "style": {
        "classic": ("timeless", "traditional"), "modern": ("contemporary", "sleek"), "rustic": ("country", "rough-hewn"),
        "playful": ("cheerful", "fun"), "minimal": ("plain", "simple"), "festive": ("ornate", "decorated"),
    },
    "feature": {
        "light": ("lightweight", "featherweight"), "sturdy": ("robust", "tough"), "foldable": ("collapsible", "folding"),
        "waterproof": ("rainproof", "watertight"), "quiet": ("silent", "noiseless"), "washable": ("cleanable", "wipeable"),
    },
    "brand": dict.fromkeys(
        ("Alder", "Brook", "Corvin", "Dune", "Elmwood", "Fenn", "Gale", "Harrow", "Isle", "Juniper"), ()
    ),
}  # fmt: skip

SHOPS = ("north", "south")
LOCALES = ("en", "de", "fr", "es", "it", "ja")
AGE_BANDS = ("18-24", "25-34", "35-49", "50-64", "65+")
REGIONS = ("coast", "hills", "plain", "city")
BEHAVIOURS = ("view", "cart", "buy")


def categories(number: int) -> list[tuple[str, str]]:
    """The first `number` (department, category), turn by turn through the departments so that few still spread."""
    turns = [(d, c[n]) for n in range(6) for d, c in DEPARTMENTS.items()]
    kept = turns[:number]
    names = list(DEPARTMENTS)
    return sorted(kept, key=lambda pair: (names.index(pair[0]), DEPARTMENTS[pair[0]].index(pair[1])))


def singular(category: str) -> str:
    """One thing of a category, without an article."""
    return SINGULAR.get(category, category[:-1] if category.endswith("s") else category)
