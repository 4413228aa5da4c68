"""A provider is chosen by its name."""

import sys
from types import ModuleType

import pytest

from synthetic_focus.scene.providers import ModelError, provider


@pytest.fixture
def part(monkeypatch):
    """Puts a module in the place of one of the package's own."""

    def put(name, **contents):
        module = ModuleType(name)
        module.__dict__.update(contents)
        monkeypatch.setitem(sys.modules, f"synthetic_focus.scene.{name}", module)

    provider.cache_clear()
    yield put
    provider.cache_clear()


def test_the_built_in_estimator_is_the_usual_one_and_is_made_once(part):
    made = []
    part("estimator", EmbeddedEstimator=lambda: made.append(1) or object())
    assert provider() is provider()
    assert made == [1]


def test_other_names_are_those_of_installed_models(part):
    def load(name):
        if name != "midas":
            raise ModelError(f"there is no model {name!r}")
        return "the network"

    part("models", load=load)
    assert provider("midas") == "the network"
    with pytest.raises(ModelError, match="no model 'mydas'"):
        provider("mydas")
