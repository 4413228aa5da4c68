"""What can go wrong with files of pictures and sound."""

from synthetic_focus.errors import SyntheticFocusError


class MediaError(SyntheticFocusError):
    """A file of pictures cannot be read or written."""


class MissingMediaError(MediaError):
    """There is no such file, folder or sequence."""


class UnreadableMediaError(MediaError):
    """The file is there, but it is not what it should be, or it is damaged."""


class UnreadableFrameError(UnreadableMediaError):
    """One frame is missing or damaged."""


class UnknownFormatError(MediaError):
    """The extension names no format that can be written."""


class WriteError(MediaError):
    """The output could not be written; nothing is left of the attempt."""
