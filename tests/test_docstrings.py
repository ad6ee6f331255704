"""Every example in a docstring runs, and every public name has one."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import derive

MODULES = sorted(
    ["derive"]
    + [found.name for found in pkgutil.walk_packages(derive.__path__, "derive.") if "__main__" not in found.name]
)
PUBLIC = [name for name in derive.__all__ if not name.endswith("Error")]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_run(name):
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert not result.failed


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_has_an_example(name):
    thing = getattr(derive, name)
    assert ">>>" in (thing.__doc__ or ""), f"derive.{name} shows no example"


@pytest.mark.parametrize("name", derive.__all__)
def test_a_public_name_says_what_it_is(name):
    assert getattr(derive, name).__doc__


def test_a_wrong_example_is_found():
    test = doctest.DocTestParser().get_doctest(">>> 1 + 1\n3\n", {}, "planted", None, None)
    assert doctest.DocTestRunner(verbose=False).run(test, out=lambda text: None).failed == 1
