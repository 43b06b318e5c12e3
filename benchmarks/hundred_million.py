"""A hundred million interactions on one small machine: converted, split, one epoch of bpr-mf with 16 dimensions.

Each step is a process of its own, so that its peak of resident memory is its own. PENCHANT_EVENTS makes it smaller.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.keeping import Kept

EVENTS = int(os.environ.get("PENCHANT_EVENTS", 100_000_000))
PEOPLE_EACH = 50
"""Events a person."""
ITEMS = 200_000
BOUND = 12.0
"""GiB resident."""

MAKE = """
import duckdb
duckdb.sql(f'''COPY (SELECT 'user-' || (hash(i, 1) % {people})::VARCHAR AS user,
    'item-' || floor({items} * pow((hash(i, 2) % 1000000007) / 1000000007.0, 3))::BIGINT::VARCHAR AS item,
    1600000000000 + (hash(i, 3) % 50000000000)::BIGINT AS time
    FROM range({events}) t(i)) TO '{place}/source.parquet' (FORMAT parquet)''')
"""
CONVERT = "from penchant.operations.data import convert; convert('{place}/source.parquet', '{place}/data')"
SPLIT = """
import penchant as pn
data = pn.open_data('{place}/data')
made = pn.split(data, 'per_person(last=1)')
said['test events'] = made.counts()['test']
"""
TRAIN = """
import penchant as pn
from penchant.learning.training import Training
from penchant.systems import catalogue
import time
data = pn.open_data('{place}/data')
material = pn.split(data, 'per_person(last=1)').material()
system = catalogue.load('bpr-mf', {{'dimensions': 16, 'epochs': 1, 'batch_size': 65536}})
begun = time.perf_counter()
system.fit(material, Training())
said['seconds of the epoch'] = round(time.perf_counter() - begun, 1)
said['pairs'] = len(material.interactions)
"""
STEPS = {"made": MAKE, "converted": CONVERT, "split": SPLIT, "split, and one epoch of bpr-mf, d = 16": TRAIN}
AROUND = """
import json, resource, time
said, begun = {{}}, time.perf_counter()
{code}
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
print(json.dumps({{'seconds': round(time.perf_counter() - begun, 1), 'GiB': round(peak, 2), **said}}))
"""


def run() -> Kept:
    """Make the file, then take it through."""
    kept = Kept("hundred-million")
    with tempfile.TemporaryDirectory() as place:
        for work, code in STEPS.items():
            filled = code.format(place=place, events=EVENTS, people=max(1, EVENTS // PEOPLE_EACH), items=ITEMS)
            command = [sys.executable, "-c", AROUND.format(code=filled)]
            done = subprocess.run(command, capture_output=True, text=True, cwd=Path.cwd())
            if done.returncode:
                raise RuntimeError(f"{work}: {done.stderr[-2000:]}")
            found = json.loads(done.stdout.splitlines()[-1])
            seconds, peak = found.pop("seconds"), found.pop("GiB")
            kept.row(f"{EVENTS:,} events {work}", "penchant", seconds, "s", quality={"peak GiB": peak, **found})
            kept.reached &= work == "made" or peak < BOUND
    kept.note = f"{max(1, EVENTS // PEOPLE_EACH):,} people, {ITEMS:,} items; under {BOUND:g} GiB resident wanted"
    return kept
