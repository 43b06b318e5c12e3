"""The trainer: stops, restores, resumes to the same bytes after a kill, keeps what is good when numbers go bad."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from penchant.errors import NotANumber, UnknownName
from penchant.learning.checkpoints import Checkpoints
from penchant.learning.sampling import key_of
from penchant.learning.trainer import History, Phase, Stop, train
from penchant.learning.training import Training
from penchant.randomness import stream


class Line(nn.Module):
    """A linear model with dropout, so that torch's chance matters."""

    def __init__(self, width: int = 6) -> None:
        super().__init__()
        draw = stream(0, "line")
        self.weight = nn.Parameter(torch.from_numpy(draw.normal(size=width).astype(np.float32)))
        self.other = nn.Parameter(torch.zeros(3))
        self.truth = torch.from_numpy(draw.normal(size=width).astype(np.float32))

    def loss(self, batch: Tensor) -> dict[str, Tensor]:
        hidden = nn.functional.dropout(batch, 0.2, self.training)
        error = (hidden @ self.weight - batch @ self.truth).square().mean()
        return {"loss": error + self.other.square().sum() + self.other.sum(), "error": error}


def batches(seed: int, number: int = 5) -> Any:
    def of(epoch: int) -> Iterator[Tensor]:
        draw = np.random.Generator(np.random.Philox(key=key_of(seed, "line", epoch)))
        for _ in range(number):
            yield torch.from_numpy(draw.normal(size=(16, 6)).astype(np.float32))

    return of


def phase(network: Line, epochs: int = 6, **changed: Any) -> Phase:
    given: dict[str, Any] = {"batches": batches(0), "loss": network.loss, "learning_rate": 0.05, "steps": 5, **changed}
    return Phase(given.pop("name", "main"), epochs, **given)


def parameters(network: nn.Module) -> bytes:
    return b"".join(p.detach().numpy().tobytes() for p in network.parameters())


def distance(network: Line) -> float:
    return float((network.weight - network.truth).norm())


def test_a_loss_falls_and_is_the_same_again() -> None:
    runs: list[tuple[History, bytes]] = []
    for _ in range(2):
        network = Line()
        runs.append((train(network, [phase(network, 20)], Training(seed=3)), parameters(network)))
    (first, bytes_a), (second, bytes_b) = runs
    assert first.losses() == second.losses() and bytes_a == bytes_b
    assert first.losses()[-1] < 0.7 * first.losses()[0]
    assert first.best_epoch == 20 and {"error", "loss", "seconds"} <= first.rows[0].keys()
    network = Line()
    assert train(network, [phase(network, 20)], Training(seed=4)).losses() != first.losses()


def test_chance_outside_is_left_alone() -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    network = Line()
    train(network, [phase(network, 2)], Training())
    assert torch.equal(torch.rand(3), expected)


def test_the_best_parameters_come_back_and_patience_ends() -> None:
    network, seen = Line(), []
    values = iter([0.1, 0.5, 0.3, 0.4, 0.2, 0.9])

    def validate() -> dict[str, float]:
        assert not network.training
        seen.append(parameters(network))
        return {"ndcg@10": next(values), "recall@20": 0.0}

    history = train(network, [phase(network, 50, stop=Stop("ndcg@10", patience=3))], Training(), validate)
    assert len(seen) == 5 and history.best_epoch == 2 and history.best["ndcg@10"] == 0.5
    assert parameters(network) == seen[1] != seen[4]


def test_validation_every_few_epochs_and_at_the_end() -> None:
    network, at = Line(), []
    rows: list[dict[str, Any]] = []
    training = Training(log=rows.append)
    train(
        network, [phase(network, 8, stop=Stop(every=3))], training, lambda: at.append(len(rows)) or {"recall@20": 1.0}
    )
    assert at == [2, 5, 7] and [bool(r["measures"]) for r in rows] == [
        False,
        False,
        True,
        False,
        False,
        True,
        False,
        True,
    ]


def test_without_validation_all_epochs_run() -> None:
    network = Line()
    history = train(network, [phase(network, 4, stop=Stop(patience=1))], Training(), None)
    assert history.best_epoch == 4 and history.best == {}


def test_an_unknown_measure_is_named() -> None:
    network = Line()
    with pytest.raises(UnknownName, match="recall@30"):
        train(network, [phase(network, 3, stop=Stop("recall@30"))], Training(), lambda: {"recall@20": 0.1})


def test_training_epochs_replace_the_phase_unless_it_is_fixed() -> None:
    network = Line()
    first, second = phase(network, 3, name="before", fixed=True), phase(network, 9)
    history = train(network, [first, second], Training(epochs=2))
    assert [(r["phase"], r["epoch"]) for r in history.rows] == [
        ("before", 1),
        ("before", 2),
        ("before", 3),
        ("main", 1),
        ("main", 2),
    ]
    assert history.best_epoch == 2


def test_a_phase_of_no_epochs() -> None:
    network = Line()
    before = parameters(network)
    history = train(network, [phase(network, 0, stop=Stop())], Training(), lambda: {"recall@20": 1.0})
    assert parameters(network) == before and history.rows == [] and history.best_epoch == 0


def test_freeze_groups_clip_and_schedule() -> None:
    network = Line()
    before = network.other.detach().clone()
    train(network, [phase(network, 3, freeze=["other"])], Training())
    assert torch.equal(network.other, before) and network.other.requires_grad
    with pytest.raises(UnknownName, match="othr"):
        train(network, [phase(network, 1, freeze=["othr"])], Training())

    network = Line()
    groups = [{"params": [network.weight], "learning_rate": 0.0}, {"params": [network.other], "optimiser": "sgd"}]
    weight = network.weight.detach().clone()
    train(network, [phase(network, 1, parameter_groups=groups)], Training())
    assert torch.equal(network.weight, weight) and not torch.equal(network.other, before)

    # With plain gradient descent a step is at most learning rate times clip long.
    network = Line()
    weight = parameters(network)
    train(
        network, [phase(network, 1, optimiser="sgd", learning_rate=1.0, clip=1e-3, batches=batches(0, 1))], Training()
    )
    assert (
        0
        < np.linalg.norm(np.frombuffer(parameters(network), np.float32) - np.frombuffer(weight, np.float32))
        < 1.001e-3
    )

    network = Line()
    before_all = parameters(network)
    train(network, [phase(network, 2, schedule=lambda at: 0.0)], Training(), dict)
    assert parameters(network) == before_all
    with pytest.raises(UnknownName, match="adam"):
        train(network, [phase(network, 1, optimiser="adan")], Training())


def test_schedules_see_fractions_and_not_validation() -> None:
    network, at = Line(), []

    def schedule(done: float) -> float:
        at.append(round(done, 6))
        return 1.0

    train(network, [phase(network, 2, schedule=schedule, stop=Stop())], Training(), lambda: {"recall@20": 0.1})
    assert at == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6, 1.8]


def test_choose_changes_a_batch() -> None:
    network, seen = Line(), []

    def loss(batch: Tensor) -> Tensor:
        seen.append(float(batch.abs().max()))
        return network.loss(batch)["loss"]

    train(network, [phase(network, 1, loss=loss, choose=lambda batch: batch * 0)], Training())
    assert seen == [0.0] * 5


def test_progress_reaches_the_total() -> None:
    told: list[tuple[float, float, str]] = []
    network = Line()
    train(network, [phase(network, 4)], Training(progress=lambda *row: told.append(row)))
    assert told[-1][:2] == (4, 4) and "epoch 4 of 4" in told[-1][2]
    assert all(a[0] <= b[0] for a, b in pairwise(told))


# ---------------------------------------------------------------------------------------------------- when it goes bad
def test_not_a_number_stops_and_keeps_the_last_good_checkpoint(tmp_path: Path) -> None:
    network = Line()

    def loss(batch: Tensor) -> Tensor:
        given = network.loss(batch)["loss"]
        return given * float("nan") if bad[0] else given

    bad = [False]

    def start(epoch: int) -> None:
        bad[0] = epoch == 4

    rows: list[dict[str, Any]] = []
    with pytest.raises(NotANumber) as raised:
        train(
            network, [phase(network, 9, loss=loss, on_epoch_start=start)], Training(checkpoints=tmp_path, log=rows.append),
            seconds_between=0,
        )  # fmt: skip
    assert "epoch 4" in str(raised.value) and str(tmp_path) in str(raised.value) and "\n" not in str(raised.value)
    kept = Checkpoints(tmp_path).newest()
    assert kept is not None and kept.place["epoch"] == 3 and np.isfinite(kept.arrays["network/weight"]).all()
    assert len(rows) == 3


def test_infinite_parameters_are_not_kept(tmp_path: Path) -> None:
    network = Line()

    def wreck(epoch: int) -> dict[str, float]:
        if epoch == 2:
            network.weight.data[0] = torch.inf
        return {"loss": 1.0}

    with pytest.raises(NotANumber):
        train(network, [Phase("kernel", 3, epoch=wreck)], Training(checkpoints=tmp_path), seconds_between=0)
    kept = Checkpoints(tmp_path).newest()
    assert kept is not None and kept.place["epoch"] == 1


class Counter:
    """A hook with a memory."""

    def __init__(self) -> None:
        self.total, self.trace = 0, np.zeros(3, np.int64)

    def state(self) -> dict[str, Any]:
        return {"total": self.total, "trace": self.trace}

    def restore(self, state: dict[str, Any]) -> None:
        self.total, self.trace = state["total"], np.array(state["trace"])

    def __call__(self, epoch: int) -> None:
        self.total += epoch
        self.trace[epoch % 3] += epoch


class Enough(Exception):
    pass


@pytest.mark.parametrize("at", [1, 3, 7, 8, 11])
def test_resumed_is_the_same_as_uninterrupted(tmp_path: Path, at: int) -> None:
    """Two phases, two optimisers, patience, a hook with a memory, a phase of kernels: stopped anywhere, same bytes."""

    def run(folder: Path | None, resume: bool, stop_at: int | None) -> tuple[bytes, History, Counter]:
        network, counter, kernel = Line(), Counter(), np.zeros(4, np.float32)
        rows: list[int] = []

        def log(row: dict[str, Any]) -> None:
            rows.append(1)
            if stop_at is not None and len(rows) > stop_at:
                raise Enough

        def epoch(number: int) -> dict[str, float]:
            kernel[:] += np.random.Generator(np.random.Philox(key=key_of(1, "kernel", number))).normal(size=4)
            return {"loss": float(kernel.sum())}

        def copy() -> None:
            network.other.data += torch.from_numpy(kernel[:3])

        groups = [
            {"params": [network.weight]},
            {"params": [network.other], "optimiser": "adagrad", "learning_rate": 0.01},
        ]
        phases = [
            Phase("kernel", 3, epoch=epoch, arrays={"kernel": kernel}, fixed=True),
            phase(
                network,
                9,
                parameter_groups=groups,
                on_start=copy,
                on_epoch_start=counter,
                state=counter,
                stop=Stop(patience=3),
            ),
        ]
        training = Training(seed=2, checkpoints=folder, resume=resume, log=log)
        history = train(
            network, phases, training, lambda: {"recall@20": -abs(distance(network) - 1.0)}, seconds_between=0
        )
        return parameters(network) + kernel.tobytes(), history, counter

    whole, expected, counted = run(None, False, None)
    with pytest.raises(Enough):
        run(tmp_path, False, min(at, len(expected.rows) - 1))
    again, history, counter = run(tmp_path, True, None)
    assert again == whole and history.resumed
    assert (
        history.losses() == expected.losses()
        and history.best_epoch == expected.best_epoch
        and history.best == expected.best
    )
    assert counter.total == counted.total and (counter.trace == counted.trace).all()


def test_starting_anew_removes_older_checkpoints(tmp_path: Path) -> None:
    network = Line()
    train(network, [phase(network, 3)], Training(checkpoints=tmp_path), seconds_between=0)
    network = Line()
    train(network, [phase(network, 1)], Training(checkpoints=tmp_path), seconds_between=0)
    kept = Checkpoints(tmp_path).newest()
    assert kept is not None and kept.place["epoch"] == 1


CHILD = textwrap.dedent("""
    import sys
    sys.path.insert(0, sys.argv[1])
    from pathlib import Path
    from penchant.threads import set_threads
    set_threads()
    import numpy as np
    from penchant.data.views import Interactions
    from penchant.learning.training import Training
    from penchant.learning.trainer import Stop, train
    from test_trainer import Line, batches, phase, distance, parameters
    network = Line()
    training = Training(seed=5, checkpoints=Path(sys.argv[2]), resume=sys.argv[3] == "resume")
    print("begins", flush=True)
    train(network, [phase(network, 60, batches=batches(1, 12), stop=Stop(patience=100))], training,
          lambda: {"recall@20": -distance(network)}, seconds_between=0)
    Path(sys.argv[4]).write_bytes(parameters(network))
""")


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs a system with SIGKILL")
def test_killed_at_random_moments_it_ends_in_the_same_bytes(tmp_path: Path) -> None:
    def child(folder: str, how: str, out: str) -> subprocess.Popen[str]:
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        command = [
            sys.executable,
            "-c",
            CHILD,
            str(Path(__file__).parent),
            str(tmp_path / folder),
            how,
            str(tmp_path / out),
        ]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)

    started = time.perf_counter()
    whole = child("whole", "begin", "whole.bin")
    assert whole.stdout is not None and whole.stdout.readline() == "begins\n"
    began = time.perf_counter()
    assert whole.wait() == 0
    seconds = time.perf_counter() - began
    draw = np.random.default_rng(int(started * 1e6) % 2**32)  # anywhere at all: a moment that fails is a bug
    kills = 0
    for turn in range(3):
        process = child("killed", "begin" if turn == 0 else "resume", "killed.bin")
        assert process.stdout is not None and process.stdout.readline() == "begins\n"
        try:
            process.wait(timeout=float(draw.uniform(0.05, 0.4)) * seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
    assert kills > 0
    assert child("killed", "resume", "killed.bin").wait() == 0
    assert (tmp_path / "killed.bin").read_bytes() == (tmp_path / "whole.bin").read_bytes()
