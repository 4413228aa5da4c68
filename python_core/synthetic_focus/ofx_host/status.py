"""OpenFX status codes."""

OK = 0
FAILED = 1
REPLY_DEFAULT = 14

_NAMES = {
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
    return _NAMES.get(status, f"status {status}")
