"""Kernels are their plain functions; Adam is torch's; what is compiled is kept, and nothing depends on threads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from penchant.data.ids import Ids
from penchant.data.views import Interactions
from penchant.learning import sampling
from penchant.learning.factors import PairwiseAdam, sgd_epoch, start_vectors
from penchant.learning.kernels import bpr, spmm
from penchant.learning.losses import batch_half_square
from penchant.learning.losses import bpr as pairwise_loss


def some(number: int = 300, n_users: int = 40, n_items: int = 30) -> Interactions:
    draw = np.random.default_rng(0)
    return Interactions.from_pairs(
        draw.integers(0, n_users, number), draw.integers(0, n_items, number), n_users, n_items
    )


def tables(given: Interactions, width: int = 8) -> tuple[np.ndarray, np.ndarray]:
    users, items = Ids([f"u{n}" for n in range(given.n_users)]), Ids([f"i{n}" for n in range(given.n_items)])
    return start_vectors(users, width, 0, "users", deviation=0.3), start_vectors(
        items, width, 0, "items", deviation=0.3
    )


def epochs(given: Interactions, number: int, negatives: int = 1, batch_size: int = 32) -> list[list[sampling.Pairs]]:
    def one(epoch: int) -> list[sampling.Pairs]:
        key = sampling.key_of(0, "k", epoch)
        batches = sampling.pairs(given, key, negatives=negatives, batch_size=batch_size)
        return [sampling.Pairs(*(array.copy() for array in batch)) for batch in batches]

    return [one(epoch) for epoch in range(number)]


# ------------------------------------------------------------------------------------------------------- products
@pytest.mark.parametrize("width", [1, 7, 64])
def test_products_are_their_plain_functions(width: int) -> None:
    draw = np.random.default_rng(1)
    lengths = np.array([0, 1, 3, 4, 5, 7, 8, 9, 12, 13, 21])
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    columns = draw.integers(0, 20, offsets[-1]).astype(np.int32)
    x, base = draw.normal(size=(20, width)).astype(np.float32), draw.normal(size=(11, width)).astype(np.float32)
    scale, values = draw.random(11).astype(np.float32), draw.random(len(columns)).astype(np.float32)
    matrix = np.zeros((11, 20))
    weighted = np.zeros((11, 20))
    for row in range(11):
        for e in range(offsets[row], offsets[row + 1]):
            matrix[row, columns[e]] += 1
            weighted[row, columns[e]] += values[e]
    for under in (base, np.empty((0, width), np.float32)):
        expected = 0.5 * ((under if len(under) else 0) + scale[:, None] * (matrix @ x))
        for function in (spmm.sum_rows, spmm.sum_rows.plain):
            out = np.full((11, width), np.nan, np.float32)
            function(offsets, columns, x, under, scale, np.float32(0.5), out, 0, 11)
            assert np.allclose(out, expected, rtol=1e-5, atol=1e-5)
    for function in (spmm.multiply_rows, spmm.multiply_rows.plain):
        out = np.full((11, width), np.nan, np.float32)
        function(offsets, columns, values, x, out, 0, 11)
        assert np.allclose(out, weighted @ x, rtol=1e-5, atol=1e-5)


def test_parts_cover_all_rows_and_are_even() -> None:
    draw = np.random.default_rng(2)
    offsets = np.concatenate([[0], np.cumsum(draw.integers(0, 50, 1000))])
    bounds = spmm.parts_of(offsets, 16)
    assert bounds[0] == 0 and bounds[-1] == 1000 and (np.diff(bounds) >= 0).all()
    entries = np.diff(offsets[bounds])
    assert entries.max() <= offsets[-1] / 16 + 100
    assert spmm.parts_of(np.zeros(4, np.int64), 8)[-1] == 3


# ---------------------------------------------------------------------------------------------------------- steps
def test_descent_is_its_plain_function_and_the_gradient() -> None:
    given = some()
    batch = epochs(given, 1, negatives=2)[0][0]
    one, two = tables(given), tables(given)
    fast = bpr.sgd_pairs(*batch, *one, 0.05, 0.01, 1)
    plain = bpr.sgd_pairs.plain(*batch, *two, 0.05, 0.01, 1)
    assert fast == pytest.approx(plain, rel=1e-5)
    for a, b in zip(one, two, strict=True):
        assert np.allclose(a, b, atol=1e-6)
    first = tables(given)
    assert np.array_equal(one[0][:, -1], first[0][:, -1]) and not np.array_equal(one[0][:, :-1], first[0][:, :-1])
    # One pair: a step against the gradient of softplus(-x) + l2 / 2 (|u|^2 + |i|^2 + |j|^2).
    users, items = (torch.from_numpy(t.copy()).requires_grad_() for t in first)
    u, i, j = int(batch.users[0]), int(batch.positives[0]), int(batch.negatives[0, 0])
    loss = pairwise_loss((users[u] * items[i]).sum(), (users[u] * items[j]).sum())
    (loss + 0.01 / 2 * (users[u].square().sum() + items[i].square().sum() + items[j].square().sum())).backward()
    bpr.sgd_pairs(*(a[:1] for a in (batch.users, batch.positives, batch.negatives[:, :1])), *first, 0.05, 0.01, 0)
    for table, tensor in zip(first, (users, items), strict=True):
        assert tensor.grad is not None
        assert np.allclose(table, (tensor - 0.05 * tensor.grad).detach().numpy(), atol=1e-6)


@pytest.mark.parametrize("negatives", [1, 3])
@pytest.mark.parametrize("l2", [0.0, 0.05])
def test_adam_is_the_dense_one_of_torch(negatives: int, l2: float) -> None:
    """Rows that a batch does not name move as well: with few rows a batch nearly all of them are late all the time."""
    given = some(n_users=200, n_items=150, number=600)
    drawn = epochs(given, 4, negatives, batch_size=16)
    users, items = tables(given)
    u, i = (torch.nn.Parameter(torch.from_numpy(t.copy())) for t in (users, items))
    optimiser = torch.optim.Adam([u, i], lr=0.01)
    adam = PairwiseAdam(users, items, 0.01, l2)
    for batches in drawn:
        losses = []
        for batch in batches:
            who, liked, others = (torch.from_numpy(a).long() for a in batch)
            loss = pairwise_loss((u[who] * i[liked]).sum(1), (u[who].unsqueeze(1) * i[others]).sum(-1))
            losses.append(loss.item() * len(who))
            optimiser.zero_grad()
            (loss + l2 * batch_half_square(u[who], i[liked], i[others])).backward()
            optimiser.step()
        assert adam.epoch(batches, len(batches)) == pytest.approx(sum(losses) / len(given), rel=1e-4)
    for table, parameter in ((users, u), (items, i)):
        assert np.abs(table - parameter.detach().numpy()).max() < 1e-5
        assert np.abs(table - tables(given)[0 if table is users else 1]).max() > 0.1, "the test must move something"


def test_missed_steps_are_their_plain_function_and_the_steps_themselves() -> None:
    draw = np.random.default_rng(4)
    begin = draw.normal(size=(3, 6)).astype(np.float32)
    mean, square = begin * 0.1, (begin * 0.1) ** 2
    steps = np.arange(400.0)
    steps[0] = 1
    rates, roots = (0.01 / (1 - 0.9**steps)).astype(np.float32), np.sqrt(1 - 0.999**steps).astype(np.float32)
    expected, m, v = begin.astype(np.float64), mean.astype(np.float64), square.astype(np.float64)
    for s in range(6, 391):
        m, v = 0.9 * m, 0.999 * v
        expected -= rates[s] * m / (np.sqrt(v) / roots[s] + 1e-8)
    for function in (bpr.missed_steps, bpr.missed_steps.plain):
        p, one, two, done = begin.copy(), mean.copy(), square.copy(), np.full(3, 5)
        function(0, 3, np.arange(3, dtype=np.int32), 390, done, rates, roots, p, one, two, 0.9, 0.999, 1e-8)
        assert np.allclose(p, expected, atol=1e-6) and np.allclose(two, v, rtol=1e-4) and (done == 390).all()
        assert np.abs(one).max() < 1e-15
        before = p.copy()
        function(0, 3, np.arange(3, dtype=np.int32), 390, done, rates, roots, p, one, two, 0.9, 0.999, 1e-8)
        assert np.array_equal(p, before), "nothing is missed twice"


def test_groups_are_chains_in_order() -> None:
    rows = np.array([3, 1, 3, 0, 1, 3], np.int32)
    head, following, touched = np.full(5, -1, np.int32), np.empty(6, np.int32), np.empty(6, np.int32)
    number = bpr.group(rows, head, following, touched)
    chains = {}
    for row in touched[:number]:
        chain, e = [], head[row]
        while e >= 0:
            chain.append(int(e))
            e = following[e]
        chains[int(row)] = chain
    assert chains == {3: [0, 2, 5], 1: [1, 4], 0: [3]}
    bpr.ungroup(head, touched, number)
    assert (head == -1).all()


def test_the_memory_of_adam_goes_on_where_it_was() -> None:
    given = some()
    drawn = epochs(given, 4)
    whole, first = PairwiseAdam(*tables(given), 0.01, 0.01), PairwiseAdam(*tables(given), 0.01, 0.01)
    for batches in drawn:
        whole.epoch(batches, len(batches))
    for batches in drawn[:2]:
        first.epoch(batches, len(batches))
    second = PairwiseAdam(first.users, first.items, 0.01, 0.01)
    second.restore({name: np.array(value) for name, value in first.state().items()})
    for batches in drawn[2:]:
        second.epoch(batches, len(batches))
    assert np.array_equal(whole.users, second.users) and np.array_equal(whole.items, second.items)


def test_descent_learns() -> None:
    given = some()
    users, items = tables(given)
    losses = [sgd_epoch(batches, users, items, 0.1, 0.001) for batches in epochs(given, 30)]
    assert losses[-1] < 0.5 * losses[0]


# ---------------------------------------------------------------------------------------------------------- start
def test_a_start_belongs_to_an_id() -> None:
    ids = [f"item-{n}" for n in range(500)]
    whole = start_vectors(Ids(ids), 9, 4, "items", deviation=0.2)
    some_ids = ids[::-3]
    assert np.array_equal(start_vectors(Ids(some_ids), 9, 4, "items", deviation=0.2), whole[::-3])
    assert not np.array_equal(start_vectors(Ids(ids), 9, 5, "items"), start_vectors(Ids(ids), 9, 4, "items"))
    assert abs(whole.std() - 0.2) < 0.01 and abs(whole.mean()) < 0.01
    even = start_vectors(Ids(ids), 9, 4, "items", "xavier")
    bound = np.sqrt(6 / 509)
    assert np.abs(even).max() <= bound and abs(even.std() - bound / np.sqrt(3)) < 0.005


# ---------------------------------------------------------------------------------------------- threads and absence
CHILD = """
import sys, hashlib, numpy as np
from penchant.threads import set_threads
set_threads()
from penchant.data.ids import Ids
from penchant.data.views import Interactions
from penchant.learning import sampling
from penchant.learning.factors import PairwiseAdam, start_vectors
from penchant.learning.graph import bipartite
from penchant.learning.kernels import WITH_NUMBA
draw = np.random.default_rng(0)
n, m, e = (2000, 1500, 60000) if WITH_NUMBA else (40, 30, 300)
given = Interactions.from_pairs(draw.integers(0, n, e), draw.integers(0, m, e), n, m)
users, items = (start_vectors(Ids([f"{k}{i}" for i in range(c)]), 64, 0, k) for k, c in (("u", n), ("i", m)))
graph = bipartite(given)
mean = graph.mean_of_layers(np.concatenate([users, items]), 3)
batches = [sampling.Pairs(*(a.copy() for a in b)) for b in sampling.pairs(given, 5, batch_size=8192 if WITH_NUMBA else 128)]
if WITH_NUMBA:
    adam = PairwiseAdam(users, items, 0.01, 0.01)
    adam.epoch(batches, len(batches))
print(WITH_NUMBA, *(hashlib.sha256(x.tobytes()).hexdigest() for x in (mean, users, items, batches[0].negatives)))
"""


def child(**environment: str) -> list[str]:
    given = {**os.environ, **environment}
    return subprocess.run(
        [sys.executable, "-c", CHILD], env=given, capture_output=True, text=True, check=True
    ).stdout.split()


def test_the_number_of_threads_changes_no_byte() -> None:
    one, two = (child(OMP_NUM_THREADS=str(n), PENCHANT_THREADS=str(n)) for n in (1, 2))
    assert one == two and one[0] == "True"


def test_without_numba_everything_runs() -> None:
    assert child(PENCHANT_WITHOUT_NUMBA="1")[0] == "False"


def test_a_cache_that_cannot_be_written_is_one_warning(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code = "import penchant.learning.kernels as k; print(k.CACHED)"
    environment = {k: v for k, v in os.environ.items() if k != "NUMBA_CACHE_DIR"} | {
        "XDG_CACHE_HOME": str(tmp_path / "file")
    }
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert (
        done.stdout.strip() == "False" and done.stderr.count("UserWarning") == 1 and "cannot be written" in done.stderr
    )
