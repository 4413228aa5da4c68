"""A provider is chosen by its name."""

import pytest

from synthetic_focus.scene import estimator, models
from synthetic_focus.scene.providers import ModelError, provider


@pytest.fixture(autouse=True)
def anew():
    provider.cache_clear()
    yield
    provider.cache_clear()


def test_the_built_in_estimator_is_the_usual_one_and_is_made_once(monkeypatch):
    made = []
    monkeypatch.setattr(estimator, "EmbeddedEstimator", lambda: made.append(1) or object())
    assert provider() is provider()
    assert made == [1]


def test_other_names_are_those_of_installed_models(monkeypatch):
    monkeypatch.setattr(models, "load", lambda name: f"the network {name}")
    assert provider("midas") == "the network midas"


def test_a_model_that_is_not_there_is_named():
    with pytest.raises(ModelError, match="nobody's"):
        provider("nobody's")
