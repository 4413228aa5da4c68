"""A headless OpenFX host: loads any .ofx and drives it through the real actions.

The suites are native, so that renders of several threads truly run at once; pictures are handed to
plug-ins where they lie in memory.

    >>> with Host() as host:                                                # doctest: +SKIP
    ...     effect = host.load_one("SyntheticFocus.ofx.bundle").create()
    ...     effect.clips["Source"].connect(picture)        # (H, W, 4), or a function of time
    ...     effect["f_stop"].set(2.0)
    ...     defocused = effect.render(time=0).pixels

A `Behaviour` makes the host misbehave as real ones do. What a plug-in does against the standard is
in `Host.violations`.
"""

from synthetic_focus.ofx_host.behaviour import REAL_HOSTS, STRICT, Behaviour
from synthetic_focus.ofx_host.clip import Clip
from synthetic_focus.ofx_host.errors import (
    ActionError,
    HostError,
    PluginLoadError,
    RenderAbortedError,
)
from synthetic_focus.ofx_host.host import Description, Host, Plugin
from synthetic_focus.ofx_host.image import Image
from synthetic_focus.ofx_host.instance import AbortSignal, ClipPreferences, Instance
from synthetic_focus.ofx_host.overlay import Overlay
from synthetic_focus.ofx_host.parameter import Parameter
from synthetic_focus.ofx_host.project import Project

__all__ = [
    "REAL_HOSTS",
    "STRICT",
    "AbortSignal",
    "ActionError",
    "Behaviour",
    "Clip",
    "ClipPreferences",
    "Description",
    "Host",
    "HostError",
    "Image",
    "Instance",
    "Overlay",
    "Parameter",
    "Plugin",
    "PluginLoadError",
    "Project",
    "RenderAbortedError",
]
