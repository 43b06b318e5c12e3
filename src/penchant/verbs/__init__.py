"""The contract: edge types (pydantic, for the world outside), batch types (arrays, inside), Protocols and abilities.

Everything can be taken from here by name; pydantic is loaded only when an edge type is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_BATCH = (
    "Fields", "Impressions", "People", "Queries", "Ragged", "Ranked", "Scored", "Segmentation", "Sessions", "Sets",
    "Slates", "Tracks", "Vectors",
)  # fmt: skip
_PROTOCOLS = (
    "Analyses", "Answers", "Because", "Converses", "Creates", "Embeds", "Encodes", "Explains", "Forgets", "PairScores",
    "Profiles", "Ranks", "RecommendOptions", "Recommends", "Rescores", "Searches", "Segments", "Simulates", "Steers",
    "Updates",
)  # fmt: skip
_HOME = {
    **dict.fromkeys(_BATCH, "penchant.verbs.batch"),
    **dict.fromkeys(_PROTOCOLS, "penchant.verbs.protocols"),
    "schema": "penchant.verbs.schemas",
    "together": "penchant.verbs.together",
}


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    home = import_module(_HOME.get(name, "penchant.verbs.edge"))
    try:
        return getattr(home, name)
    except AttributeError:
        raise AttributeError(f"module 'penchant.verbs' has no attribute {name!r}") from None


def __dir__() -> list[str]:
    return sorted([*_HOME, *import_module("penchant.verbs.edge").__all__])
