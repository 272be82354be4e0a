"""A package that isn't here is one line that says what to install."""

import json

import pytest

from pipeline.curriculum import optional_packages
from storage.errors import UserError


def test_what_is_here_is_taken_and_what_is_not_is_named():
    assert optional_packages.take("json", "json", "a test") is json
    optional_packages.require("json", "json", "a test")
    for call in (optional_packages.take, optional_packages.require):
        with pytest.raises(UserError, match=r"^a test needs .*: pip install no-such-thing$"):
            call("no_such_thing_at_all", "no-such-thing", "a test")


def test_a_part_of_a_package_that_is_not_here_is_missing_too():
    with pytest.raises(UserError, match="pip install no-such-thing"):
        optional_packages.take("no_such_thing_at_all.part", "no-such-thing", "a test")
