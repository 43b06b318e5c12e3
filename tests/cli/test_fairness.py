"""penchant evaluate --fairness, as it is typed; bad input first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

Command = Callable[..., Any]


def test_a_page_without_fairness_or_without_a_folder_is_refused(penchant: Command, ease: Path, tmp_path: Path) -> None:
    done = penchant("evaluate", ease, "--html", tmp_path / "page.html")
    assert done.code == 2 and "--html goes with --fairness" in done.error and not done.out
    done = penchant("evaluate", ease, "--fairness", "--html", tmp_path / "nowhere" / "page.html")
    assert done.code == 1 and "there is no folder" in done.error
    done = penchant("evaluate", ease, "--fairness", "-k", "500", "--json")
    assert done.code == 2 and "nobody got 500 items" in done.json["error"] and done.hint == "hint: take a smaller k"


def test_original_and_corrected_values_with_relevance_beside(penchant: Command, ease: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    found = penchant("evaluate", ease, "--fairness", "--html", page, "-k", "5,10", "--json", good=True).json
    fair = found["fairness"]
    assert fair["k"] == 5 and set(fair["measures"]) >= {"jain", "qf", "ent", "gini", "gini_w", "fsat", "vocd", "ii_d"}
    gini = fair["measures"]["gini"]
    assert gini["worst"] >= gini["high"] >= gini["original"] >= gini["low"] >= gini["best"]
    assert gini["corrected_low"] <= gini["corrected"] <= gini["corrected_high"]
    assert fair["relevance"]["ndcg@5"]["mean"] == found["measures"]["ndcg@5"]["mean"]
    assert fair["frontier"][0]["tolerance"] == 0 and fair["least_shown"][0]["item"].startswith("i")
    assert page.read_text().count("<svg") == 2 and 'src="http' not in page.read_text()
    assert (ease / "results/test/fairness.json").is_file()
    text = penchant("evaluate", ease, "--fairness", good=True).out
    for word in ("recall@20", "corrected ± 95%", "gini_w", "NDCG@10", "swaps within a tolerance", "does not apply"):
        assert word in text
