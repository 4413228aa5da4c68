"""Parameters of an instance, with their animation."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Literal

from synthetic_focus.ofx_host import _suites
from synthetic_focus.ofx_host.errors import HostError

Value = int | float | str | tuple[int, ...] | tuple[float, ...]


class Parameter:
    """A parameter of an instance. Every change tells the plug-in, as a user's edit would.

    Args:
        parameter: the suites' parameter.
        changed: called with the name after each change.
        now: tells where the playhead is.
    """

    def __init__(
        self,
        parameter: _suites.Parameter,
        changed: Callable[[str], None],
        now: Callable[[], float],
    ) -> None:
        self._parameter = parameter
        self._changed = changed
        self._now = now

    @property
    def name(self) -> str:
        """As projects store it."""
        return str(self._parameter.name)

    @property
    def type(self) -> str:
        """Such as "OfxParamTypeDouble"."""
        return str(self._parameter.type)

    @property
    def properties(self) -> Mapping[str, list[Any]]:
        """Every property's values, as they are now."""
        properties = self._parameter.properties
        return MappingProxyType({name: properties.get(name) for name in properties.names()})

    @property
    def holds_value(self) -> bool:
        """No for groups, pages and push buttons."""
        return self._parameter.holds_value

    @property
    def options(self) -> list[str]:
        """A choice's labels."""
        return [str(label) for label in self._parameter.properties.get("OfxParamPropChoiceOption")]

    @property
    def value(self) -> Value:
        """At the playhead."""
        return self.at(self._now())

    def at(self, time: float) -> Value:
        """At that time."""
        self._needs_value()
        value: Value = self._parameter.at(time)
        return value

    @property
    def keys(self) -> list[tuple[float, Value]]:
        """Time and value of each key, in the order of time."""
        self._needs_value()
        return list(self._parameter.curve()[1])

    def set(self, value: Value) -> None:
        """Sets the value for all times; keys are deleted. A choice takes a label as well."""
        self._needs_value()
        _, _, interpolation = self._parameter.curve()
        self._change(self._number(value), [], interpolation)

    def set_key(self, time: float, value: Value) -> None:
        """Sets a key, in place of one that is there.

        Raises:
            HostError: the parameter does not animate.
        """
        self._needs_value()
        if not self._parameter.properties.get("OfxParamPropAnimates")[0]:
            raise HostError(f"parameter {self.name} does not animate")
        constant, keys, interpolation = self._parameter.curve()
        kept = [key for key in keys if key[0] != time]
        self._change(constant, [*kept, (time, self._number(value))], interpolation)

    def delete_key(self, time: float) -> None:
        """Deletes the key at exactly that time; without keys, the parameter keeps its value.

        Raises:
            HostError: there is none.
        """
        self._needs_value()
        constant, keys, interpolation = self._parameter.curve()
        kept = [key for key in keys if key[0] != time]
        if len(kept) == len(keys):
            raise HostError(f"parameter {self.name} has no key at {time}")
        self._change(constant if kept else keys[0][1], kept, interpolation)

    @property
    def interpolation(self) -> Literal["linear", "constant"]:
        """How values between two keys come about."""
        return self._parameter.curve()[2]

    @interpolation.setter
    def interpolation(self, interpolation: Literal["linear", "constant"]) -> None:
        self._needs_value()
        constant, keys, _ = self._parameter.curve()
        self._change(constant, keys, interpolation)

    def press(self) -> None:
        """Presses a push button."""
        if self.type != "OfxParamTypePushButton":
            raise HostError(f"parameter {self.name} is no push button")
        self._changed(self.name)

    def _change(self, constant: Any, keys: list[tuple[float, Any]], interpolation: str) -> None:
        self._parameter.set_curve(constant, keys, interpolation)
        self._changed(self.name)

    def _number(self, value: Value) -> Value:
        if self.type == "OfxParamTypeChoice" and isinstance(value, str):
            if value not in self.options:
                raise HostError(f"parameter {self.name} has no option {value!r}: {self.options}")
            return self.options.index(value)
        return value

    def _needs_value(self) -> None:
        if not self.holds_value:
            raise HostError(f"parameter {self.name} is a {self.type} and holds no value")

    def saved(self) -> dict[str, Any]:
        """What a project file keeps of it."""
        constant, keys, interpolation = self._parameter.curve()
        saved: dict[str, Any] = {"value": constant}
        if keys:
            saved |= {"keys": [list(key) for key in keys], "interpolation": interpolation}
        return saved

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Takes over what `saved` gave, without telling the plug-in: before it is created."""
        self._parameter.set_curve(
            saved["value"], saved.get("keys", []), saved.get("interpolation", "linear")
        )
