"""What the headless host raises."""

from synthetic_focus.errors import SyntheticFocusError
from synthetic_focus.ofx_host.status import status_name


class HostError(SyntheticFocusError):
    """The host was asked for something that it or the plug-in cannot do."""


class PluginLoadError(HostError):
    """The file cannot be loaded as an OpenFX plug-in."""


class ActionError(HostError):
    """The plug-in answered an action with a failure; `action` and `status` say which and how."""

    def __init__(self, action: str, status: int, details: str = "") -> None:
        self.action = action
        self.status = status
        text = f"the plug-in answered {action} with {status_name(status)}"
        super().__init__(f"{text}: {details}" if details else text)


class RenderAbortedError(HostError):
    """The render was aborted, so that its picture is worth nothing."""
