"""Keeps a list of the tests that were skipped, so that they can be run once what they need is there."""

from __future__ import annotations


def pytest_terminal_summary(terminalreporter, config):
    skipped = sorted({report.nodeid for report in terminalreporter.stats.get("skipped", [])})
    if hasattr(config, "cache"):
        config.cache.set("derive/skipped", skipped)
