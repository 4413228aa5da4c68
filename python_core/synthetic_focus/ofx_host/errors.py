"""What the headless host raises."""

from synthetic_focus.errors import SyntheticFocusError


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


_STATUS_NAMES = {
    0: "kOfxStatOK",
    1: "kOfxStatFailed",
    2: "kOfxStatErrFatal",
    3: "kOfxStatErrUnknown",
    4: "kOfxStatErrMissingHostFeature",
    5: "kOfxStatErrUnsupported",
    6: "kOfxStatErrExists",
    7: "kOfxStatErrFormat",
    8: "kOfxStatErrMemory",
    9: "kOfxStatErrBadHandle",
    10: "kOfxStatErrBadIndex",
    11: "kOfxStatErrValue",
    12: "kOfxStatReplyYes",
    13: "kOfxStatReplyNo",
    14: "kOfxStatReplyDefault",
    1000: "kOfxStatErrImageFormat",
}


def status_name(status: int) -> str:
    """The name of an OpenFX status code."""
    return _STATUS_NAMES.get(status, f"status {status}")
