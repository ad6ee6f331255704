"""What holds for all tests.

An operation that one of them adds is met by no other, and nothing goes into the user's cache.  A
list of the tests that were skipped is kept, so that they can be run once what they need is there.
"""

from __future__ import annotations

import sys

import pytest


@pytest.fixture(autouse=True)
def operations_as_they_were():
    from derive.expr import OPERATIONS
    from derive.rules import RULES

    tables = [OPERATIONS, RULES]
    before = [set(table) for table in tables]
    yield
    for table, known in zip(tables, before, strict=True):
        for name in set(table) - known:
            del table[name]
    functions = sys.modules.get("derive.interop.functions")
    if functions is not None:
        own = functions.functions_met
        for body in [body for body, operation in own.items() if operation.name not in OPERATIONS]:
            del own[body]


@pytest.fixture(autouse=True, scope="session")
def cache_of_its_own(tmp_path_factory):
    """Compiled functions go with the tests, not into the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


def pytest_terminal_summary(terminalreporter, config):
    skipped = sorted({report.nodeid for report in terminalreporter.stats.get("skipped", [])})
    if hasattr(config, "cache"):
        config.cache.set("derive/skipped", skipped)
