"""What all tests share."""

import os
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def cache_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing is written to, or found in, the cache of who runs the tests."""
    before = os.environ.get("SYNTHETIC_FOCUS_CACHE")
    os.environ["SYNTHETIC_FOCUS_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    yield
    if before is None:
        del os.environ["SYNTHETIC_FOCUS_CACHE"]
    else:
        os.environ["SYNTHETIC_FOCUS_CACHE"] = before
