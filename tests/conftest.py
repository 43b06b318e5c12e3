"""What all tests share: threads, real data, and what a skip may mean."""

from __future__ import annotations

import os
from pathlib import Path

# Before numpy, torch or numba are loaded: tests that run beside each other must not fight for the cores.
from penchant.threads import set_threads

set_threads()

import pytest  # noqa: E402

from penchant.testing.data import VARIABLE, real_data  # noqa: E402

NO_DATA = "real data is not here"


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of real data sets; the test is skipped where there is none."""
    folder = real_data()
    if folder is None:
        pytest.skip(f"{NO_DATA}: set {VARIABLE} to its folder")
    return folder


@pytest.fixture(scope="session")
def checkout() -> Path:
    """The folder of the checkout."""
    return Path(__file__).resolve().parents[1]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> object:
    """In CI a missing tool is a failure; only missing data may skip a test."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("CI", "").lower() == "true":
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if NO_DATA not in reason:
            report.outcome = "failed"
            report.longrepr = f"skipped in CI, where everything must run: {reason}"
    return report
