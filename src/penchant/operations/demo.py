"""demo: a world, six systems, one comparison, one person's lists: the main job from beginning to end."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penchant.errors import DataError
from penchant.evaluation.compare import Comparison
from penchant.operations.compare import compare, example_of, oracle_result
from penchant.operations.evaluate import split_of
from penchant.operations.train import train
from penchant.storage.files import write_json

SYSTEMS = ("popularity", "item-knn", "ease", "ials", "lightgcn", "ngcf")
WORLD = {"users": 2000, "items": 1000, "days": 180, "seed": 1, "preset": "sparse"}
"""Sparse, since that is where most shops are: about eight events a person to learn from."""
MARK = "demo.json"


@dataclass(frozen=True)
class DemoReport:
    """What the demo found and where it lies."""

    folder: str
    page: str
    picture: str
    comparison: Comparison
    example: dict[str, Any]
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "folder": self.folder, "page": self.page, "picture": self.picture, "seconds": self.seconds,
            "verdict": self.comparison.verdict, "comparison": self.comparison.to_dict(), "example": self.example,
        }  # fmt: skip

    def text(self) -> str:
        """The comparison, then one person's history with what each system recommends and why."""
        from penchant.evaluation.reports import comparison_text

        lines = [comparison_text(self.comparison), "", f"One person, {self.example['person']}: what they chose so far"]
        lines += [f"  {title}" for title in self.example["history"]]
        for one in self.example["lists"]:
            lines += ["", f"{one['system']} would show" + (f" ({one['note']})" if one["note"] else "")]
            for place, item in enumerate(one["items"][:3], 1):
                why = "; ".join(r["text"] for r in item["reasons"][:2])
                found = "   <- chosen later" if item["hit"] else ""
                lines.append(f"  {place}. {item['title']}{found}" + (f"\n       {why}" if why else ""))
        lines += ["", f"The page with plots: {self.page}", f"All of it took {self.seconds:.0f} seconds."]
        return "\n".join(lines)


def demo(out: str | Path = "demo", progress: Callable[[float, float, str], None] | None = None) -> DemoReport:
    """Make a world, train six systems on it, compare them with each other and with the truth, and write a page.

    Args:
        out: a new folder, or one that an earlier demo made (which is made anew).

    Raises:
        DataError: the folder exists and is no demo's.
    """
    from penchant.data.tables import open_data
    from penchant.world import make_world, oracle

    started = time.perf_counter()
    out = Path(out)
    if out.exists():
        if not (out / MARK).exists():
            raise DataError(f"{out} exists and was not made by a demo", "choose another folder with --out")
        shutil.rmtree(out)
    tell = progress or (lambda done, total, message: None)
    tell(0, len(SYSTEMS) + 2, "making a world")
    out.mkdir(parents=True)
    write_json(out / MARK, {"world": WORLD, "systems": SYSTEMS})
    shop = out / "shop"
    make_world(parts=("core", "text"), **WORLD).write(shop)  # type: ignore[arg-type]
    data = open_data(shop)
    runs = []
    for number, name in enumerate(SYSTEMS):
        tell(number + 1, len(SYSTEMS) + 2, f"training {name}")
        runs.append(train(name, data, split="per_person", out=out / "runs" / name))
    tell(len(SYSTEMS) + 1, len(SYSTEMS) + 2, "comparing")
    made = split_of(runs[0], data)
    truth = oracle_result(oracle.open(shop), made)
    page, picture = out / "compare.html", out / "compare.png"
    comparison = compare(runs, html=page, png=picture, data=data, others=[truth])
    report = DemoReport(
        str(out), str(page), str(picture), comparison, example_of(runs, made), round(time.perf_counter() - started, 1)
    )
    (out / "demo.txt").write_text(report.text() + "\n", encoding="utf-8")
    (out / "comparison.json").write_text(json.dumps(comparison.to_dict(), indent=1), encoding="utf-8")
    return report
