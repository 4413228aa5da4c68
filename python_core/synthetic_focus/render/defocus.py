"""The renderer's public function and what it asks of its input."""

from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from synthetic_focus import _native
from synthetic_focus.errors import SyntheticFocusError
from synthetic_focus.lens.aperture import Aperture, nested_profile

Backend = Literal["auto", "native", "torch"]
Quality = Literal["draft", "normal", "best"]


class DefocusError(SyntheticFocusError, ValueError):
    """A picture, a map or an argument that cannot be rendered; the message says which and why."""


class Aborted(SyntheticFocusError):  # noqa: N818 - the caller's wish, no error
    """The render was stopped by its abort flag."""


def defocus(
    image: npt.ArrayLike,
    coc: npt.ArrayLike,
    aperture: Aperture = Aperture(),  # noqa: B008 - frozen
    *,
    backend: Backend = "auto",
    frame_size: tuple[int, int] | None = None,
    origin: tuple[int, int] = (0, 0),
    quality: Quality = "normal",
    refine_edges: bool = True,
    abort: _native.AbortFlag | None = None,
    threads: int | None = None,
    out: npt.NDArray[np.float32] | None = None,
) -> npt.NDArray[np.float32]:
    """Blur a picture as a lens would, from its circles of confusion.

    Light is conserved, nearer things hide farther ones, and a pixel whose circle of confusion lies
    within it (|coc| <= 0.5), with nothing blurred in front of it, comes out bit-identical. The
    picture's borders act as mirrors, so they neither darken nor lose light.

    Args:
        image: (H, W, 3) or (H, W, 4), any floating type, scene-linear; premultiplied if it has
            alpha. Negative light (out-of-gamut colours) is blurred like any other.
        coc: (H, W) signed blur radius in pixels, positive behind the focal plane. Radii beyond 1024
            pixels are rendered as 1024.
        aperture: The shape of the opening.
        backend: "native", or "auto", which is the same; "torch" is the paper's forward model
            (equation 3), a disc of whole radii: what the estimator is trained by.
        frame_size: (width, height) of the whole frame, where `image` is a part of it: shapes that
            vary over the field need to know. Default: the image's own size.
        origin: (x, y) of the image's top left pixel in the whole frame.
        quality: "draft" samples the outlines of patches once per row, "normal" up to 4 times,
            "best" up to 16 times. Radii are rounded to 1/32 of a pixel up to 8 pixels, to 1/16 up
            to 24, to 1/8 up to 56 and so on, half as finely for what is much blurred and no
            light; four times as finely with "best".
        refine_edges: Whether edges in `coc`, which in real maps are soft or a pixel off, are moved
            to the picture's, and pixels that show two surfaces parted; off for exact CG passes.
        abort: Set it from any thread to stop the render.
        threads: How many to use; default: as many as the process may run on.
        out: Where to put the result: C-contiguous float32 of the image's shape that shares no
            memory with `image` and `coc`. Holds rubbish where the render is stopped.

    Returns:
        (H, W, 3 or 4) float32, shaped as `image`: `out`, or else a new array.

    Raises:
        DefocusError: wrong shapes, types or values; NaN or infinity in `image` or `coc`.
        Aborted: `abort` was set.

    >>> picture = np.ones((4, 6, 3), np.float32)
    >>> bool(np.allclose(defocus(picture, np.full((4, 6), 2.5, np.float32)), 1))
    True
    """
    if backend not in get_args(Backend):
        raise DefocusError(f"backend is {backend!r}, it must be one of {get_args(Backend)}")
    if quality not in get_args(Quality):
        raise DefocusError(f"quality is {quality!r}, it must be one of {get_args(Quality)}")
    pixels = _floats("image", image)
    radii = _floats("coc", coc)
    if pixels.ndim != 3 or pixels.shape[2] not in (3, 4):
        raise DefocusError(f"image has shape {pixels.shape}, it must be (H, W, 3) or (H, W, 4)")
    if pixels.size == 0:
        raise DefocusError(f"image has shape {pixels.shape}: there is no pixel in it")
    if radii.shape != pixels.shape[:2]:
        raise DefocusError(
            f"coc has shape {radii.shape}, the image needs {pixels.shape[:2]}: one radius a pixel"
        )
    if threads is not None and threads < 1:
        raise DefocusError(f"threads is {threads}, it must be 1 or more")
    if out is not None:
        _check_out(out, pixels, radii)
    if backend == "torch":
        return _papers_forward_model(pixels, radii, aperture, out)
    height, width = radii.shape
    frame = frame_size or (width, height)
    if frame[0] < 1 or frame[1] < 1:
        raise DefocusError(f"frame_size is {frame}, both must be 1 or more")
    try:
        return _native.defocus(
            pixels,
            radii,
            aperture_shape(aperture),
            frame_size=frame,
            origin=origin,
            quality=get_args(Quality).index(quality),
            refine_edges=refine_edges,
            threads=threads or 0,
            abort=abort,
            out=out,
        )
    except _native.AbortedError:
        raise Aborted("the render was stopped by its abort flag") from None
    except _native.BadPixelError as error:
        raise DefocusError(f"{error}: every value must be a finite number") from None


def _check_out(out: npt.NDArray[np.float32], *inputs: npt.NDArray[np.float32]) -> None:
    shape = inputs[0].shape
    good = out.dtype == np.float32 and out.flags.c_contiguous and out.flags.writeable
    if out.shape != shape or not good:
        raise DefocusError(
            f"out is {out.dtype} of shape {out.shape}, it must be float32 of shape {shape}, "
            "C-contiguous and writable"
        )
    if any(np.may_share_memory(out, array) for array in inputs):
        raise DefocusError("out shares memory with image or coc, which are read to the end")


def _papers_forward_model(
    pixels: npt.NDArray[np.float32],
    radii: npt.NDArray[np.float32],
    aperture: Aperture,
    out: npt.NDArray[np.float32] | None,
) -> npt.NDArray[np.float32]:
    if aperture != Aperture() or aperture.kernel is not None:
        raise DefocusError("backend 'torch' is the paper's model, which knows discs only")
    if not (np.isfinite(pixels).all() and np.isfinite(radii).all()):
        raise DefocusError("image and coc must be finite numbers everywhere")
    import torch

    from synthetic_focus.render.forward import forward_model

    image = torch.tensor(pixels).permute(2, 0, 1)[None]
    limit = _native.MAX_RADIUS
    disparity = torch.tensor(radii).clamp(-limit, limit)[None, None]
    with torch.inference_mode():
        shallow = forward_model(image, disparity)
    result = np.empty_like(pixels) if out is None else out
    result[...] = shallow[0].permute(1, 2, 0).numpy()
    return result


def _floats(name: str, values: npt.ArrayLike) -> npt.NDArray[np.float32]:
    array = np.asarray(values)
    if not np.issubdtype(array.dtype, np.floating):
        raise DefocusError(
            f"{name} has type {array.dtype}, it must be floating point (float32, scene-linear)"
        )
    return np.ascontiguousarray(array, dtype=np.float32)


def aperture_shape(aperture: Aperture) -> dict[str, Any]:
    """What the native renderer is told of an aperture."""
    return {
        "blades": aperture.blades,
        "curvature": aperture.curvature,
        "rotation_deg": aperture.rotation_deg,
        "squeeze": aperture.squeeze,
        "cat_eye": aperture.cat_eye,
        "swirl": aperture.swirl,
        "barndoors": aperture.barndoors,
        "astigmatism": aperture.astigmatism,
        "chromatic": aperture.chromatic,
        "behind": nested_profile(aperture, behind=True),
        "front": nested_profile(aperture, behind=False),
        "kernel": aperture.kernel,
    }
