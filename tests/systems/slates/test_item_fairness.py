"""item-fairness on the tiny shop: its lists against the backbone's, its knob, its reasons, and what it says of a run."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from penchant.errors import BadSetting, MissingNeeds, UsageError
from penchant.evaluation.evaluate import validator
from penchant.learning.training import Training
from penchant.measures import exposure
from penchant.measures.fairness import fairness
from penchant.systems import catalogue
from penchant.systems.slates.item_fairness import Evened, ItemFairness, labels
from penchant.testing import shop
from penchant.verbs.batch import Impressions, People, Ragged
from penchant.verbs.edge import AnalyseRequest
from penchant.verbs.protocols import RecommendOptions

TINY = catalogue.presets(catalogue.find("item-fairness"))["tiny"]


def made(material: Any = None, **settings: Any) -> Any:
    """A system trained on the shop."""
    system = catalogue.load("item-fairness", {**TINY, **settings})
    material = material or shop.parts().material()
    system.fit(material, Training(validate=validator(shop.parts(), measures=["recall@20"])))
    return system


@pytest.fixture(scope="module")
def system() -> Any:
    return made()


def everybody() -> People:
    """The people of the shop with their histories."""
    rows = np.arange(len(shop.parts().material().users))
    items = shop.parts().material().histories.items
    return People(rows.astype(np.int32), items, items)


def ask(system: Any, k: int = 5, people: People | None = None, **options: Any) -> Any:
    return system.recommend(people or everybody(), k, RecommendOptions(**options))


def about(system: Any, **more: Any) -> dict[str, Any]:
    return system.analyse(AnalyseRequest.read({"about": {"run": "fair"}, **more})).data()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"backbone": "item-knm"}, "nearest is 'item-knn'"),
        ({"backbone": "item-fairness"}, "another system that recommends"),
        ({"backbone": "autoint"}, "another system that recommends"),
        ({"backbone": "baselines"}, "a family of several systems"),
        ({"backbone": "gum"}, "another system that recommends"),
        ({"tolerance": 1.5}, "less than or equal to 1"),
        ({"attention_decay": 1.0}, "less than 1"),
        ({"list_length": 0}, "greater than or equal to 1"),
        ({"pairs": "some"}, "'all' or 'category'"),
        ({"tolerence": 0.1}, "nearest is 'tolerance'"),
    ],
)
def test_a_wrong_setting_is_one_clear_line_before_anything_is_trained(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(BadSetting) as refused:
        catalogue.load("item-fairness", settings)
    assert said in str(refused.value) and "\n" not in str(refused.value)


def test_a_tolerance_that_is_no_share_and_questions_about_tables_are_refused(system: Any) -> None:
    with pytest.raises(UsageError, match="share between 0 and 1, given 2"):
        ask(system, steer={"tolerance": 2.0})
    with pytest.raises(UsageError, match="the lists of a run"):
        system.analyse(AnalyseRequest.read({"about": {"tables": ["items"]}}))
    with pytest.raises(MissingNeeds, match="by seller needs seller of the items; shop has none"):
        made(group_by="seller")


def test_without_tolerance_the_lists_are_those_of_the_backbone(system: Any) -> None:
    for k in (1, 5, 30, 100):
        ours, own = ask(system, k, steer={"tolerance": 0.0}), ask(system.backbone, k)
        np.testing.assert_array_equal(ours.items, own.items)
        np.testing.assert_array_equal(ours.scores, own.scores)
        assert (ours.replaced == -1).all()


def test_the_knob_evens_out_and_no_place_loses_more(system: Any) -> None:
    own = ask(system.backbone, 5)
    unevenness = []
    for tolerance in (0.0, 0.1, 0.2, 0.5):
        found = ask(system, 5, steer={"tolerance": tolerance})
        assert (found.scores >= (1 - tolerance) * own.scores - 1e-5).all()
        unevenness.append(exposure.gini(exposure.shown(found.items, len(system.catalogue))))
    assert min(unevenness[1:]) < unevenness[0] and unevenness[2] < 0.9 * unevenness[0]
    knob = system.knobs()[0]
    assert (knob.name, knob.low, knob.high) == ("tolerance", 0.0, 0.5) and "largest share" in knob.meaning


def test_a_swap_is_told_with_what_it_cost_and_the_score_still_adds_up(system: Any) -> None:
    found = ask(system)
    reasons = system.why(everybody(), found)
    swapped = np.argwhere(found.replaced >= 0)
    assert len(swapped)
    own = ask(system.backbone, 5)
    for row, place in swapped:
        first = reasons[row][place][0]
        assert (
            first.kind == "rule"
            and not first.additive
            and first.ids == (found.replaced[row, place], found.items[row, place])
        )
        before = float(own.scores[row][own.items[row] == first.ids[0]][0])
        loss = 100 * (before - float(found.scores[row, place])) / before
        assert first.words["share"] == f"{loss:.1f}" and 0 <= loss <= 20.001
        assert int(first.words["before"]) == int(system.places[first.ids[1]])
        total = sum(r.weight for r in reasons[row][place] if r.additive)
        assert total == pytest.approx(float(found.scores[row, place]), rel=1e-4)
    for row, place in np.argwhere(found.replaced < 0):
        assert all(r.kind != "rule" for r in reasons[row][place])


def test_reasons_of_lists_it_did_not_make_and_of_rows_are_the_backbones(system: Any) -> None:
    people = everybody()
    own = ask(system.backbone, 3)
    assert system.why(people, own) == system.backbone.why(people, own)
    rows = Impressions(people, np.array([0, 1], np.int32), np.array([3, 4], np.int32), np.array([0, 1], np.int32))
    assert system.why(people, rows) == system.backbone.why(people, rows)
    chance = made(backbone="random")
    assert [r.text for r in chance.why(people, ask(chance, 3, steer={"tolerance": 0.0}))[0][0]] == ["drawn by chance"]


def test_people_of_whom_nothing_is_known_get_the_popular_list(system: Any) -> None:
    people = People.strangers(Ragged.from_lists([[], [0, 5, 9]]))
    found = ask(system, 5, people, steer={"tolerance": 0.5})
    assert found.fallback.tolist() == [True, False]
    np.testing.assert_array_equal(found.items[0], system.popular(people, 5, RecommendOptions()).items[0])
    assert isinstance(found, Evened) and (found.replaced[0] == -1).all()


def test_what_it_says_of_a_run_is_what_the_lists_show(system: Any) -> None:
    material = shop.parts().material()
    own = ask(system.backbone, 5).items
    measured = fairness(own, len(material.items))
    answer = about(system)
    first, second, third = answer["insights"][:3]
    assert first["number"] == pytest.approx(measured["gini"].original)
    assert first["range"] == pytest.approx({"worst": measured["gini"].worst, "best": measured["gini"].best})
    assert f"{measured['gini'].corrected:.3f} of the way from even" in first["sentence"]
    assert first["low"] < first["number"] < first["high"] and first["n"] == len(material.users)
    curve = [p for p in first["chart"]["data"]["values"] if p["lists"] == "before"]
    assert len(curve) == len(material.items) + 1 and curve[-1] == {"items": 1.0, "places": 1.0, "lists": "before"}
    counts = exposure.shown(own, len(material.items))
    unseen = [name for name, count in zip(material.items.array.to_pylist(), counts, strict=True) if count == 0]
    assert second["about"][0] in unseen and second["number"] == pytest.approx(measured["qf"].original)
    evened = exposure.gini(exposure.shown(ask(system, 5).items, len(material.items)))
    assert third["number"] == pytest.approx(evened) and third["kind"] == "prescriptive" and third["effect"] < 0
    assert any("ii_d does not apply" in line for line in answer["warnings"])
    assert any("NDCG@5" in line for line in answer["assumptions"]) and answer["tests_tried"] == 9
    assert len(answer["insights"]) == 3 + 6 and not any("Mean squared" in i["sentence"] for i in answer["insights"])
    assert len(about(system, number=2)["insights"]) == 2
    assert any("depth is not used" in line for line in about(system, depth=2)["assumptions"])


def test_groups_and_pairs_by_category() -> None:
    grouped = made(group_by="category", pairs="category")
    answer = about(grouped)
    row = next(i for i in answer["insights"] if i["kind"] == "diagnostic")
    group, names = labels(shop.parts().material(), "category")
    found = exposure.shown(ask(grouped.backbone, 5).items, len(group))
    name = row["sentence"].split("'")[1]
    own = group == names.index(name)
    assert row["number"] == pytest.approx(found[own].sum() / found.sum()) and row["effect"] < 0
    vocd = next(i for i in answer["insights"] if i["unit"].startswith("mean relative"))
    assert vocd["number"] == pytest.approx(
        fairness(ask(grouped.backbone, 5).items, len(group), pairs=group)["vocd"].original
    )


def test_a_catalogue_that_every_list_would_hold_has_nothing_to_measure() -> None:
    whole = made(list_length=100)
    with pytest.raises(UsageError, match="nobody could be given a list of 100"):
        about(whole)
    np.testing.assert_array_equal(ask(whole, 3).items, ask(whole.backbone, 3).items)


def test_where_repeats_are_real_what_was_had_may_be_shown_again() -> None:
    again = made(replace(shop.parts().material(), repeats=True))
    people = replace(everybody(), exclude=Ragged.empty(len(everybody())))
    own = again.backbone.recommend(people, 5, RecommendOptions())
    np.testing.assert_array_equal(again.places, exposure.shown(own.items, len(again.catalogue)))


def test_another_backbone_goes_on_from_a_parent_and_comes_back_from_its_state() -> None:
    trained = made(backbone="lightgcn", backbone_preset="tiny")
    assert trained.learns_people and trained.epochs_kept == trained.backbone.epochs_kept is not None
    state = trained.state()
    json.dumps({name: value for name, value in state.items() if not isinstance(value, np.ndarray)}, allow_nan=False)
    other = catalogue.load("item-fairness", {**TINY, "backbone": "lightgcn", "backbone_preset": "tiny"})
    other.restore(state)
    np.testing.assert_array_equal(ask(other).items, ask(trained).items)
    assert about(other) == about(trained)
    longer = catalogue.load("item-fairness", {**TINY, "backbone": "lightgcn", "backbone_preset": "tiny"})
    longer.fit(shop.parts().material(), Training(start_from=state, epochs=0))
    np.testing.assert_allclose(longer.backbone.start_table, trained.backbone.start_table)
    fresh: Any = ItemFairness({**TINY, "backbone": "lightgcn"})
    fresh.take_choices(trained)
    assert fresh.backbone.fold_in_l2 == trained.backbone.fold_in_l2
