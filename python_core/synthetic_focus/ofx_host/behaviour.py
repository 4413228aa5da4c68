"""The ways in which hosts differ and misbehave, as switches of the headless host.

`docs/developer/hosts.md` lists what real hosts do and which switch plays it.
"""

from dataclasses import dataclass
from typing import Literal

SuiteName = tuple[str, int]
"""A suite's name and version; version 0 stands for all of its versions."""

PROGRESS = ("OfxProgressSuite", 0)
TIMELINE = ("OfxTimeLineSuite", 0)
MESSAGE = ("OfxMessageSuite", 0)
MEMORY = ("OfxMemorySuite", 0)
MULTI_THREAD = ("OfxMultiThreadSuite", 0)
OPTIONAL_SUITES = frozenset({PROGRESS, TIMELINE, MESSAGE, MEMORY, MULTI_THREAD})

RENDER_SCALE = "OfxImageEffectPropRenderScale"
OPTIONAL_IMAGE_PROPERTIES = frozenset(
    {
        RENDER_SCALE,
        "OfxImagePropField",
        "OfxImagePropPixelAspectRatio",
        "OfxImagePropRegionOfDefinition",
        "OfxImagePropUniqueIdentifier",
        "OfxImageEffectPropPreMultiplication",
    }
)
OPTIONAL_RENDER_ARGUMENTS = frozenset(
    {
        "OfxImageEffectPropFieldToRender",
        "OfxImageEffectPropSequentialRenderStatus",
        "OfxImageEffectPropInteractiveRenderStatus",
        "OfxImageEffectPropRenderQualityDraft",
    }
)

HOSTILE_ENVIRONMENT = (
    ("LD_LIBRARY_PATH", "/nonexistent/host/libs"),
    ("LD_PRELOAD", ""),
    ("PYTHONHOME", "/nonexistent/host/python"),
    ("PYTHONPATH", "/nonexistent/host/site-packages"),
    ("PYTHONSTARTUP", "/nonexistent/host/startup.py"),
    ("QT_PLUGIN_PATH", "/nonexistent/host/qt"),
    ("QT_QPA_PLATFORM_PLUGIN_PATH", "/nonexistent/host/qt"),
    ("OMP_NUM_THREADS", "1"),
)
"""What hosts leave in the environment of the processes that plug-ins start."""


@dataclass(frozen=True)
class Behaviour:
    """How the host behaves. The default is a host that follows the standard to the letter."""

    name: str = "org.syntheticfocus.HeadlessHost"
    """What plug-ins read as the host's name; some decide on a colour space by it."""
    label: str = "Synthetic Focus Headless Host"
    version: tuple[int, ...] = (1, 0)
    api_version: tuple[int, ...] = (1, 4)

    missing_suites: frozenset[SuiteName] = frozenset()
    """fetchSuite gives null."""
    hollow_suites: frozenset[SuiteName] = frozenset()
    """fetchSuite gives a table in which every function is null."""
    missing_host_properties: frozenset[str] = frozenset()
    missing_image_properties: frozenset[str] = frozenset()
    missing_arguments: frozenset[str] = frozenset()
    """Properties that the actions' arguments lack."""

    rows: Literal["bottom up", "top down"] = "bottom up"
    """Top down: the first row in memory is the top one, so that rowBytes is negative."""
    row_padding: int = 0
    """Bytes between the end of a row and the start of the next, a multiple of the sample's size."""
    image_scale: Literal["render", "one", "inverse"] = "render"
    """What images say of their scale while the arguments tell the truth."""
    inputs_cover: Literal["frame", "region of interest"] = "frame"
    """Region of interest: the plug-in gets no pixel that it has not asked for."""
    output_covers: Literal["window", "frame"] = "window"
    """Frame: the output's memory is larger than the render window; the rest must stay untouched."""
    always_tiles: bool = False
    """Windows smaller than the frame are rendered even where the plug-in wants whole frames."""
    sends_unsupported_images: bool = False
    """Images reach the plug-in in the depth and components that they have."""

    empty_clip: Literal["unconnected", "no image", "null handle", "null data", "black"] = (
        "unconnected"
    )
    """What an unconnected clip is like. All but the first say that they are connected."""
    other_times: Literal["served", "refused", "current"] = "served"
    """What a clip gives at a time that is not the one being rendered: nothing, or the frame that is
    being rendered, as MLT does."""
    keys: Literal["served", "refused", "hidden"] = "served"
    """Whether plug-ins can list a parameter's keys. Hidden: the host says that there are none."""

    volatile_strings: bool = False
    """A string that the host gave out turns to rubbish at the thread's next call into the host."""
    accepts_unknown_properties: bool = False
    tolerates_duplicates: bool = False
    """Defining a parameter twice is answered OK. It is a violation either way."""
    secret_stays_secret: bool = False
    clamps_numbers_without_ranges: bool = False
    """A number without range and display range is limited to -1..1, or to 0 if it is an integer."""
    ignores_param_copy: bool = False
    insists_on_ok: bool = False
    """Refuses to work with an instance unless creating it was answered with exactly OK."""
    overlays: bool = True
    pixel_scale: Literal["true", "one"] = "true"
    """One: overlays are told that a screen pixel is a unit of the frame, whatever the zoom."""
    colour_management: str | None = None
    """The OpenFX 1.5 style that the host announces: "OfxImageEffectColourManagementCore"…"""
    environment: tuple[tuple[str, str], ...] = ()
    """Set in the process while a plug-in is loaded."""
    threads: int = 0
    """How many threads the multi-thread suite starts at most. 0: as many as the machine has."""


STRICT = Behaviour()

RESOLVE = Behaviour(
    name="DaVinciResolve",
    label="DaVinci Resolve",
    version=(19, 0, 0),
    missing_suites=frozenset({PROGRESS, TIMELINE, ("OfxMessageSuite", 2)}),
    missing_image_properties=OPTIONAL_IMAGE_PROPERTIES,
    missing_arguments=OPTIONAL_RENDER_ARGUMENTS,
    empty_clip="black",
    always_tiles=True,
    pixel_scale="one",
    tolerates_duplicates=True,
    accepts_unknown_properties=True,
    clamps_numbers_without_ranges=True,
    ignores_param_copy=True,
    insists_on_ok=True,
    environment=HOSTILE_ENVIRONMENT,
)
NUKE = Behaviour(
    name="uk.co.thefoundry.nuke",
    label="Nuke",
    version=(15, 1, 0),
    volatile_strings=True,
    secret_stays_secret=True,
    inputs_cover="region of interest",
    environment=HOSTILE_ENVIRONMENT,
)
NATRON = Behaviour(
    name="fr.inria.Natron",
    label="Natron",
    version=(2, 5, 0),
    inputs_cover="region of interest",
    output_covers="frame",
    environment=HOSTILE_ENVIRONMENT,
)
MLT = Behaviour(
    name="MLT",
    label="MLT",
    rows="top down",
    missing_suites=frozenset({("OfxProgressSuite", 2), TIMELINE}),
    missing_image_properties=frozenset({"OfxImagePropUniqueIdentifier"}),
    other_times="current",
    keys="hidden",
)
VEGAS = Behaviour(
    name="com.sonycreativesoftware.vegas",
    label="VEGAS Pro",
    version=(19, 0),
    hollow_suites=frozenset({PROGRESS, TIMELINE}),
    row_padding=16,
    image_scale="one",
    overlays=False,
    sends_unsupported_images=True,
)
FUSION = Behaviour(
    name="com.eyeonline.Fusion",
    label="Fusion",
    version=(9, 0),
    image_scale="inverse",
    output_covers="frame",
    empty_clip="null handle",
)

REAL_HOSTS = {
    "resolve": RESOLVE,
    "nuke": NUKE,
    "natron": NATRON,
    "mlt": MLT,
    "vegas": VEGAS,
    "fusion": FUSION,
}
"""What is known of each, all at once."""
