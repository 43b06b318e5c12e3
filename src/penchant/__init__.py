"""Penchant: what people did, said and wrote in; what each of them would like out.

    import penchant as pn

    data = pn.open_data("shop/")
    run = pn.train("ease", data)
    run.recommend([["tent-2p", "kettle-gas"]], k=10)

Every name below is loaded when it is first used, so that `import penchant` and `penchant --help` answer at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penchant.threads import set_threads

__version__ = "0.1.0"

# Before torch or numba can be loaded by anybody who came in through this door.
set_threads()

_PLACES = {
    "open_data": ("penchant.data.tables", "open_data"),
    "Dataset": ("penchant.data.tables", "Dataset"),
    "split": ("penchant.data.split", "split"),
    "make_world": ("penchant.world", "make_world"),
    "train": ("penchant.operations.train", "train"),
    "advise": ("penchant.operations.advise", "advise"),
    "tune": ("penchant.operations.tune", "tune"),
    "load_run": ("penchant.operations.runs", "load_run"),
    "evaluate": ("penchant.operations.evaluate", "evaluate"),
    "compare": ("penchant.operations.compare", "compare"),
    "recommend": ("penchant.operations.recommend", "recommend"),
    "similar": ("penchant.operations.recommend", "similar"),
    "list_systems": ("penchant.operations.systems", "systems"),
    "doctor": ("penchant.operations.doctor", "doctor"),
    "PenchantError": ("penchant.errors", "PenchantError"),
}
__all__ = [
    "__version__",
    "open_data",
    "Dataset",
    "split",
    "make_world",
    "train",
    "tune",
    "advise",
    "load_run",
    "evaluate",
    "compare",
    "recommend",
    "similar",
    "list_systems",
    "doctor",
    "PenchantError",
]

if TYPE_CHECKING:  # the same names, for people's editors and for type checkers
    from penchant.data.split import split
    from penchant.data.tables import Dataset, open_data
    from penchant.errors import PenchantError
    from penchant.operations.advise import advise
    from penchant.operations.compare import compare
    from penchant.operations.doctor import doctor
    from penchant.operations.evaluate import evaluate
    from penchant.operations.recommend import recommend, similar
    from penchant.operations.runs import load_run
    from penchant.operations.systems import systems as list_systems
    from penchant.operations.train import train
    from penchant.operations.tune import tune
    from penchant.world import make_world


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'penchant' has no attribute {name!r}")
    from importlib import import_module

    module, attribute = _PLACES[name]
    value = globals()[name] = getattr(import_module(module), attribute)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
