"""pld: ordinary training where nothing is chosen, the backbone's answers, what is chosen, and the clean-up report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from penchant.data.split import Split, split
from penchant.data.views import Material
from penchant.errors import BadSetting, UnknownName, UsageError
from penchant.evaluation.evaluate import evaluate, validator
from penchant.learning import choosing, sampling
from penchant.learning.graph import Propagation
from penchant.learning.training import Training
from penchant.measures import exposure
from penchant.systems import catalogue
from penchant.systems.bases.pairwise import Batch, Step
from penchant.systems.floors import factors
from penchant.systems.graph.denoiser import Denoiser
from penchant.systems.graph.pld import PLD
from penchant.systems.graph.suspicion import Events
from penchant.testing import shop
from penchant.testing.noise import with_noise
from penchant.verbs.batch import Ragged
from penchant.verbs.edge import AnalyseRequest
from penchant.world import make_world
from tests.systems.floors_material import answers, everybody, fitted, known, material, same

SMALL = {"dimensions": 8, "epochs": 5, "batch_size": 64, "learning_rate": 0.02, "warmup_epochs": 1}
BACKBONES = ("bpr-mf", "lightgcn", "ngcf", "vbpr")


def data_of(backbone: str) -> Material:
    """vbpr wants vectors, which the shop has."""
    return shop.parts().material() if backbone == "vbpr" else material()


def plain(backbone: str, given: Material, **more: Any) -> Any:
    own = {name: value for name, value in SMALL.items() if name != "warmup_epochs"}
    system = catalogue.load(backbone, {**own, **more})
    system.fit(given, Training())
    return system


def equal(system: PLD, other: Any) -> bool:
    return (
        system.backbone.user_vectors.tobytes() == other.user_vectors.tobytes()
        and system.backbone.item_vectors.tobytes() == other.item_vectors.tobytes()
    )


# ---------------------------------------------------------------- bad input
@pytest.mark.parametrize(("settings", "words"), [
    ({"backbone": "lightgnc"}, "lightgcn"),
    ({"backbone": "ease"}, "pairwise system"),
    ({"backbone": "pld"}, "pairwise system"),
    ({"backbone_settings": "layers"}, "layers=3"),
    ({"backbone_settings": {"layer": 2}, "backbone": "lightgcn"}, "layers"),
    ({"backbone_settings": "deviation=-1"}, "deviation"),
    ({"temperature": 0}, "temperature"),
    ({"pool_size": 0}, "pool_size"),
    ({"pool_sizes": 3}, "pool_size"),
])  # fmt: skip
def test_wrong_settings_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(BadSetting, match=words):
        PLD(settings)


def test_weights_need_gradients_of_the_vectors() -> None:
    with pytest.raises(UsageError, match="vbpr does not show"):
        fitted(PLD, {**SMALL, "backbone": "vbpr", "mode": "reweight"}, data_of("vbpr"))


# ---------------------------------------------------------------- nothing chosen is ordinary training
@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("settings", [
    {"mode": "none"}, {"pool_size": 1}, {"pool_size": 1, "temperature": 1e6, "debias": 1.0}, {"warmup_epochs": 5},
    {"mode": "truncate", "truncated": 0.0},
], ids=str)  # fmt: skip
def test_without_a_choice_it_is_the_backbone_to_the_byte(backbone: str, settings: dict[str, Any]) -> None:
    """Sheet, check 1."""
    given = data_of(backbone)
    assert equal(fitted(PLD, {**SMALL, "backbone": backbone, **settings}, given), plain(backbone, given))


def test_without_kernels_and_pair_at_a_time_too(monkeypatch: pytest.MonkeyPatch) -> None:
    given = material()
    descent = {"optimiser": "sgd"}
    assert equal(
        fitted(PLD, {**SMALL, "backbone_settings": descent, "pool_size": 1}), plain("bpr-mf", given, **descent)
    )
    monkeypatch.setattr(factors, "WITH_NUMBA", False)
    assert equal(fitted(PLD, {**SMALL, "pool_size": 1}), plain("bpr-mf", given))


@pytest.mark.parametrize("backbone", ["bpr-mf", "lightgcn"])
@pytest.mark.parametrize("settings", [
    {"mode": "reweight", "pool_size": 1}, {"mode": "reweight_loss", "exponent": 0.0},
], ids=str)  # fmt: skip
def test_equal_weights_are_ordinary_training(
    backbone: str, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(factors, "WITH_NUMBA", False)
    given = material()
    system = fitted(PLD, {**SMALL, "backbone": backbone, **settings}, given)
    assert np.allclose(system.backbone.item_vectors, plain(backbone, given).item_vectors, atol=1e-4)


# ---------------------------------------------------------------- what is chosen
@pytest.mark.parametrize("backbone", BACKBONES)
def test_it_works_around_every_pairwise_system(backbone: str) -> None:
    """Sheet, check 8: the same class, another backbone; answers, reasons and likeness are the backbone's."""
    given = data_of(backbone)
    system = fitted(PLD, {**SMALL, "backbone": backbone, "pool_size": 3}, given)
    assert not equal(system, plain(backbone, given)) and system.backbone.wrapper is None
    people = known(given, np.arange(len(given.users)))
    ranked = answers(system, people, 5)
    assert same(ranked, answers(system.backbone, people, 5))
    assert [len(reasons) for reasons in system.why(people, ranked)] == ranked.counts.tolist()
    assert system.vectors("items").source == "pld" and system.epochs_kept == 5
    assert (system.events.drawn > 0).any() and np.isfinite(system.events.loss).all()


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("mode", ["resample", "reweight"])
def test_a_step_learns_from_the_pool(mode: str, shared: bool) -> None:
    given = material()
    settings = {**SMALL, "mode": mode, "shared_negative": shared, "pool_size": 4, "temperature": 0.5, "negatives": 2}
    system = PLD(settings)
    network = system.backbone.network(given)
    chooser = Denoiser(system.settings, system.backbone, given, Training())
    chooser.key = 7
    drawn = next(iter(sampling.pairs(given.interactions, 5, negatives=2, batch_size=64)))
    found = chooser.choose(network, drawn, Step(2, 0, 0))
    has = given.interactions.to_csr().toarray().astype(bool)
    assert has[found.users, found.positives].all() and not has[found.users[:, None], found.negatives].any()
    pool = sampling.pools(given.interactions, drawn.users, 4, 7, drawn.positives)
    if mode == "resample":
        assert np.array_equal(found.users, drawn.users)
        assert (found.positives[:, None] == pool).any(1).all() and not np.array_equal(found.positives, drawn.positives)
        assert np.array_equal(found.negatives, drawn.negatives) == shared
        assert chooser.drawn.sum() == len(drawn.users)
        return
    assert np.array_equal(found.positives, pool.ravel()) and chooser.now is not None
    weights = chooser.now[2].reshape(-1, 4)
    assert np.allclose(weights.sum(1), 4, atol=1e-5)
    loss = chooser._loss(network, Batch(*(torch.from_numpy(np.array(column)) for column in found)))
    each = choosing.pool_losses(network.users, network.items, found.users, found.positives[:, None], found.negatives)
    assert loss["bpr"].item() == pytest.approx(float((each.reshape(-1, 4) * weights).mean()), abs=1e-5)
    loss["loss"].backward()
    assert network.items.grad is not None and bool(network.items.grad.abs().sum() > 0)


def test_truncation_drops_the_highest_losses_and_grows() -> None:
    given = material()
    system = PLD({**SMALL, "mode": "truncate", "truncated": 0.5, "warmup_epochs": 4})
    network = system.backbone.network(given)
    chooser = Denoiser(system.settings, system.backbone, given, Training())
    drawn = next(iter(sampling.pairs(given.interactions, 5, batch_size=64)))
    left = [len(chooser.choose(network, drawn, Step(epoch, 0, 0)).users) for epoch in (1, 2, 3, 5, 9)]
    assert left == [64, 56, 48, 32, 32]


def test_the_graph_is_passed_once_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sheet, trap 8: choosing and loss share the propagated table."""
    passed = {False: 0, True: 0}
    whole = Propagation.apply

    def counted(self: Propagation, dense: Any, layers: int, backward: bool) -> Any:
        passed[backward] += 1
        return whole(self, dense, layers, backward)

    monkeypatch.setattr(Propagation, "apply", counted)
    fitted(PLD, {**SMALL, "backbone": "lightgcn", "pool_size": 3})
    assert passed[False] == passed[True] > 0


def test_the_draw_reads_the_parameters_of_the_moment() -> None:
    """With a very low temperature the chosen pair is the easiest of its pool, by vectors as they are then."""
    given = material()
    system = PLD({**SMALL, "backbone": "lightgcn", "temperature": 1e-6, "pool_size": 3})
    network = system.backbone.network(given)
    system.backbone.start(network, given, Training())
    chooser = Denoiser(system.settings, system.backbone, given, Training())
    for step, batch in enumerate(sampling.pairs(given.interactions, 5, batch_size=64)):
        found = chooser.choose(network, batch, Step(2, step, 64 * step))
        sides = system.backbone.sides(network, given)
        pool = sampling.pools(given.interactions, batch.users, 3, 0, batch.positives, 64 * step)
        losses = choosing.pool_losses(sides.people, sides.items, batch.users, pool, batch.negatives)
        assert np.array_equal(found.positives, pool[np.arange(len(pool)), losses.argmin(1)])
        with torch.no_grad():
            network.items.mul_(-1.3)
        system.backbone.__dict__.pop("_kept", None)


def test_debiased_losses_do_not_punish_rare_items() -> None:
    """How often an event was learned from goes with how popular its item is; less so without the item's own loss."""
    given = split(make_world(120, 80, 60, seed=1, preset="tiny").dataset, "per_person", seed=1).material()
    degrees = given.interactions.item_degrees[given.interactions.user_items]
    seen = {}
    for debias in (0.0, 1.0):
        system = fitted(PLD, {**SMALL, "epochs": 40, "temperature": 0.1, "debias": debias}, given)
        seen[debias] = float(np.corrcoef(degrees, system.events.often)[0, 1])
    assert seen[1.0] < seen[0.0] - 0.2, seen


@pytest.mark.parametrize("changed", [
    {"mode": "reweight"}, {"mode": "truncate"}, {"mode": "reweight_loss"}, {"mode": "none"}, {"temperature": 0.1},
    {"pool_size": 2}, {"signal": "percentile"}, {"debias": 0.5}, {"shared_negative": False}, {"warmup_epochs": 3},
    {"backbone": "lightgcn"}, {"backbone_settings": {"deviation": 0.2}}, {"sampler": "uniform_user"}, {"negatives": 2},
])  # fmt: skip
def test_each_setting_changes_the_answer(changed: dict[str, Any]) -> None:
    people = everybody(material())
    assert not same(answers(fitted(PLD, SMALL), people), answers(fitted(PLD, {**SMALL, **changed}), people))


def test_interrupted_and_resumed_it_ends_the_same(tmp_path: Path) -> None:
    given = material()
    for settings in ({"debias": 0.5}, {"mode": "reweight"}, {"backbone": "lightgcn", "debias": 0.5}):
        told = 0

        def stop(*_: Any) -> None:
            nonlocal told
            told += 1
            if told == 3:
                raise KeyboardInterrupt

        folder = tmp_path / str(settings)
        whole = fitted(PLD, {**SMALL, **settings})
        with pytest.raises(KeyboardInterrupt):
            PLD({**SMALL, **settings}).fit(given, Training(checkpoints=folder, progress=stop))
        again = PLD({**SMALL, **settings})
        again.fit(given, Training(checkpoints=folder, resume=True))
        assert again.backbone.item_vectors.tobytes() == whole.backbone.item_vectors.tobytes()
        assert np.array_equal(again.events.drawn, whole.events.drawn)
        assert np.array_equal(again.events.loss, whole.events.loss)


def test_saved_and_restored_it_answers_the_same() -> None:
    system = fitted(PLD, {**SMALL, "backbone": "lightgcn"})
    again = PLD({**SMALL, "backbone": "lightgcn"})
    again.restore(system.state())
    people = everybody(material())
    assert same(answers(system, people), answers(again, people))
    assert str(again.suspicious(5)) == str(system.suspicious(5))
    child = PLD({**SMALL, "backbone": "lightgcn", "epochs": 0})
    child.fit(material(), Training(start_from=system.state()))
    assert np.array_equal(child.backbone.item_vectors, system.backbone.item_vectors)


# ---------------------------------------------------------------- the report
def events(losses: list[list[float]], drawn: list[list[float]] | None = None) -> Events:
    rows = Ragged.from_lists([list(range(len(own))) for own in losses])
    flat = [np.concatenate([np.array(own, np.float32) for own in both]) for both in (losses, drawn or losses)]
    people, items = (np.array([f"{kind}-{n}" for n in range(40)]) for kind in ("person", "item"))
    return Events(rows, *flat, people, items)


def test_percentiles_and_scores_are_within_a_person() -> None:
    found = events([[1, 2, 3, 9], [], [5], [4, 4, 8]], [[0, 2, 2, 0], [], [3], [0, 0, 0]])
    assert np.allclose(found.percentile, [0, 1 / 3, 2 / 3, 1, 0, 0, 0, 1])
    behind = np.log(np.expm1([1, 2, 3, 9]))
    middle = (behind[1] + behind[2]) / 2
    assert np.allclose(found.score[:4], (behind - middle) / (1.4826 * np.median(np.abs(behind - middle))), atol=1e-5)
    assert not found.score[4:].any(), "an only event, and those whose middle distance is nothing"
    assert np.isnan(found.p).all(), "nobody has events enough for a test"
    assert np.allclose(found.often, [0, 2, 2, 0, 1, 1, 1, 1])
    assert found.order().tolist()[:2] == [3, 7]
    named = found.suspects(9, "person-3")
    assert [s.item for s in named] == ["item-2", "item-0", "item-1"] and named[0].events == 3
    with pytest.raises(UnknownName, match="person-3"):
        found.suspects(3, "persn-3")
    assert Events.none().suspects(3) == []


def asked(**fields: Any) -> AnalyseRequest:
    return AnalyseRequest.read({"about": {"run": "run-1"}, **fields})


def test_the_report_counts_tests_and_keeps_to_its_false_rate() -> None:
    chance = np.random.default_rng(0)
    system = fitted(PLD, SMALL)
    losses = [chance.normal(1.0, 0.05, 20).tolist() for _ in range(30)]
    losses[4][7] = 3.0
    losses[5] = [1.0, 9.0]
    system.events = events(losses)
    answer = system.analyse(asked(false_rate=0.01, number=5))
    first = answer.insights[0]
    assert first.about == ["item-7"] and first.query.values[0] == "person-4" and first.n == 20
    assert first.number == 1.0 and first.p is not None and first.p < 1e-6
    assert [i.id for i in answer.insights] == ["i-1", "i-2", "i-3"], "one event, then two findings on the whole"
    assert answer.tests_tried == 29 * 20 and answer.run == "run-1"
    everything = system.analyse(asked(number=4))
    assert len(everything.insights) == 4
    own = system.analyse(asked(goal="what is not like person-5?", number=2))
    assert {i.query.values[0] for i in own.insights} == {"person-5"} and "person-5" in own.assumptions[1]
    nothing = system.analyse(asked(goal="person-5", false_rate=0.1))
    assert nothing.insights == [] and nothing.status == "not_known" and "No event" in (nothing.summary or "")
    with pytest.raises(UsageError, match="what it was trained on"):
        system.analyse(AnalyseRequest.read({"about": {"dataset": "shop"}}))


def test_reasons_tell_of_an_event_that_hardly_counted() -> None:
    given = material()
    system = fitted(PLD, SMALL)
    busy = int(given.interactions.user_degrees.argmax())
    start = int(given.interactions.user_offsets[busy])
    system.events.loss[start], system.events.drawn[start] = 50.0, 0.0
    people = known(given, [busy])
    reasons = system.why(people, answers(system, people, 3))[0]
    said = [r for r in reasons[0] if r.kind == "rule"]
    assert said and said[0].ids == (int(given.interactions.user_items[start]),) and not said[0].additive
    assert not [r for r in reasons[1] if r.kind == "rule"]


# ---------------------------------------------------------------- margins
def noisy_world(seed: int, share: float) -> tuple[Split, np.ndarray]:
    """400 people, 300 items and some 25 train items a person, of which nothing is a mistake but what is added."""
    world = make_world(400, 300, 120, seed=seed, dials={"events_per_user": 30, "mistakes": 0.0, "bots": 0.0})
    return with_noise(split(world.dataset, "per_person(ratio=0.7,by=random)", seed=seed), share, seed)


def keys(users: np.ndarray, items: np.ndarray) -> set[int]:
    return set((users.astype(np.int64) * 1000 + items).tolist())


def test_noise_is_added_to_train_alone_and_outside_what_is_known() -> None:
    world = make_world(40, 60, 60, seed=1, preset="tiny")
    clean = split(world.dataset, "per_person(ratio=0.7,by=random)", seed=1)
    made, flags = with_noise(clean, 0.5, 3)
    before, after = clean.material(), made.material()
    assert flags.sum() == len(after.interactions) - len(before.interactions)
    assert np.array_equal(after.interactions.user_degrees, (before.interactions.user_degrees * 1.5).astype(int))
    pairs = after.interactions
    noise = keys(pairs.pair_users()[flags], pairs.user_items[flags])
    for part in ("validation", "test"):
        wanted, same_people = made.people(part), clean.people(part)
        assert np.array_equal(wanted.relevant.values, same_people.relevant.values)
        assert not noise & keys(wanted.ids[wanted.relevant.rows()], wanted.relevant.values)
        excluded = keys(wanted.ids[wanted.exclude.rows()], wanted.exclude.values)
        assert {key for key in noise if key // 1000 in set(wanted.ids.tolist())} <= excluded
    theirs, _ = with_noise(clean, 0.5, 3, outside="train")
    assert len(theirs.people("test").relevant.values) < len(clean.people("test").relevant.values)
    assert with_noise(clean, 0.0)[1].sum() == 0


def measured(made: Split, seed: int, **settings: Any) -> tuple[float, PLD]:
    """Recall@20 on the test part, and the system; the backbone's own defaults, epochs by validation."""
    system = PLD({"seed": seed, "epochs": 300, **settings})
    system.fit(made.material(), Training(seed=seed, validate=validator(made, measures=("recall@20",))))
    return evaluate(system, made, measures=["recall@20"], k=(20,)).measures["recall@20"].mean, system


def tail_share(system: PLD, made: Split) -> float:
    ranked = answers(system, made.people("test").people(), 20)
    counts = made.material().interactions.item_degrees
    return exposure.tail_share(exposure.shown(ranked.items, len(counts)), exposure.tail_by_items(counts, 0.5))


@pytest.mark.checks
def test_margins_at_thirty_percent_noise() -> None:
    """Sheet, checks 4, 5, 7 and 9, on three seeds; what was measured is in docs/results/denoising.json.

    The temperature is the default, chosen on the validation parts; at 1 the gain in recall is smaller.
    """
    found: dict[str, list[float]] = {}
    for seed in (1, 2, 3):
        made, flags = noisy_world(seed, 0.3)
        for name, settings in (
            ("plain", {"mode": "none"}), ("pld", {}), ("greedy", {"temperature": 0.1}), ("debiased", {"debias": 0.1}),
        ):  # fmt: skip
            recall, system = measured(made, seed, **settings)
            events = system.events
            found.setdefault(f"recall {name}", []).append(recall)
            found.setdefault(f"tail {name}", []).append(tail_share(system, made))
            found.setdefault(f"noise {name}", []).append(float(events.drawn[flags].sum() / events.drawn.sum()))
            first = events.order()[: len(flags) // 20]
            found.setdefault(f"precision {name}", []).append(float(flags[first].mean() / flags.mean()))
    means = {name: float(np.mean(values)) for name, values in found.items()}
    assert means["noise greedy"] <= 0.75 * means["noise plain"], means
    assert means["recall pld"] >= 1.03 * means["recall plain"], means
    assert means["tail debiased"] >= 0.85 * means["tail plain"], means
    assert means["recall debiased"] >= 1.01 * means["recall plain"], means
    assert means["precision pld"] >= 2, means


@pytest.mark.checks
def test_clean_data_lose_little() -> None:
    """Sheet, check 5, second half."""
    gains = []
    for seed in (1, 2, 3):
        made, _ = noisy_world(seed, 0.0)
        gains.append(measured(made, seed)[0] / measured(made, seed, mode="none")[0] - 1)
    assert np.mean(gains) > -0.03, gains


@pytest.mark.checks
def test_resampling_is_not_behind_truncation() -> None:
    """Sheet, check 6."""
    found = {"resample": 0.0, "truncate": 0.0}
    for share in (0.1, 0.3, 0.5):
        for seed in (1, 2, 3):
            made, _ = noisy_world(seed, share)
            for mode in found:
                found[mode] += measured(made, seed, mode=mode)[0]
    assert found["resample"] >= found["truncate"], found
