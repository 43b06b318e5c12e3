"""The sparse product over the Gowalla graph, ours against torch's, alternating."""

from __future__ import annotations

import time

import numpy as np

from benchmarks.keeping import Kept, middle
from penchant.testing.data import real_data

REPEATS = 15
WIDTH = 64


def run() -> Kept | None:
    """Time both on the same matrix."""
    folder = real_data("gowalla")
    if folder is None:
        return None
    import torch

    import penchant as pn
    from penchant.learning.graph import bipartite
    from penchant.randomness import stream

    graph = bipartite(pn.split(pn.open_data(folder)).material(refit=True).interactions)
    dense = stream(0, "dense").standard_normal((len(graph), WIDTH), np.float32)
    csr = graph.to_csr()
    theirs = torch.sparse_csr_tensor(
        torch.from_numpy(csr.indptr.astype(np.int64)), torch.from_numpy(csr.indices.astype(np.int64)),
        torch.from_numpy(csr.data), csr.shape, check_invariants=False,
    )  # fmt: skip
    tensor = torch.from_numpy(dense)
    difference = float(np.abs(graph.multiply(dense) - (theirs @ tensor).numpy()).max())
    ours_s, theirs_s = [], []
    for _ in range(REPEATS):
        started = time.perf_counter()
        graph.multiply(dense)
        between = time.perf_counter()
        theirs @ tensor
        ours_s.append(between - started)
        theirs_s.append(time.perf_counter() - between)
    ratio = middle([t / o for o, t in zip(ours_s, theirs_s, strict=True)])
    kept = Kept("graph-product", ratio=round(ratio, 2), reached=ratio >= 3)
    kept.note = f"{csr.nnz:,} entries, width {WIDTH}, {torch.get_num_threads()} threads, passive waiting; differ by {difference:.1e}"
    kept.row("product", "penchant", middle(ours_s) * 1000, "ms", repeats=REPEATS)
    kept.row("product", "torch CSR", middle(theirs_s) * 1000, "ms", repeats=REPEATS)
    return kept
