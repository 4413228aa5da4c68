"""Packs what `scene.py` rendered into the two movies that are committed beside it.

    python tests/footage/night/pack.py FOLDER

colour.mp4: HDR10 (Rec.2100 PQ, 10-bit HEVC), so that the lights keep the brightness that makes a
defocused light a disc and not a grey smear: 8-bit video clips them at white. 1 is 100 nits.
disparity.mkv: 10-bit grey FFV1, lossless, so that silhouettes stay hard: 0 is FAR, full is NEAR,
linear in disparity.
"""

import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import OpenImageIO as oiio
import PyOpenColorIO as ocio

NEAR_METRES = 0.6
FAR_METRES = 200.0
FPS = 24
CRF = 8

# Codes of ITU-T H.273: BT.2020 primaries, SMPTE ST 2084, BT.2020 non-constant luminance.
BT2020, PQ, BT2020_NCL = 9, 16, 9
NARROW, FULL = 1, 2


def read(path: Path) -> np.ndarray:
    file = oiio.ImageInput.open(str(path))
    if file is None:
        sys.exit(f"{path} cannot be read: {oiio.geterror()}")
    pixels = np.ascontiguousarray(file.read_image("float")[..., :3])
    file.close()
    return pixels


def colour_frame(path: Path) -> av.VideoFrame:
    """Scene-linear Rec.709 as 10-bit Rec.2100 PQ."""
    pixels = np.clip(read(path), 0.0, 100.0)
    config = ocio.Config.CreateFromBuiltinConfig("studio-config-v4.0.0_aces-v2.0_ocio-v2.5")
    to_pq = config.getProcessor("Linear Rec.709 (sRGB)", "Rec.2100-PQ - Display")
    to_pq.getDefaultCPUProcessor().applyRGB(pixels)
    codes = np.rint(np.clip(pixels, 0.0, 1.0) * 65535).astype(np.uint16)
    rgb = av.VideoFrame.from_ndarray(codes, format="rgb48le")
    frame = rgb.reformat(format="yuv420p10le", dst_colorspace="BT2020", dst_color_range="MPEG")
    frame.color_primaries, frame.color_trc, frame.colorspace = BT2020, PQ, BT2020_NCL
    return frame


def disparity_frame(path: Path) -> av.VideoFrame:
    """Metres (0: infinitely far) as 10-bit grey, linear in disparity."""
    metres = read(path)[..., 0]
    disparity = np.divide(1.0, metres, out=np.zeros_like(metres), where=metres > 0)
    far, near = 1 / FAR_METRES, 1 / NEAR_METRES
    if disparity.max() > near:
        sys.exit(f"{path}: {1 / disparity.max():.3f} m is nearer than {NEAR_METRES} m")
    level = np.clip((disparity - far) / (near - far), 0.0, 1.0)
    return av.VideoFrame.from_ndarray(np.rint(level * 1023).astype(np.uint16), format="gray10le")


def pack(
    out: Path, codec: str, pixel_format: str, frames: list[av.VideoFrame], **options: str
) -> None:
    with av.open(str(out), "w") as movie:
        stream = movie.add_stream(codec, rate=FPS, options=options)
        stream.width, stream.height, stream.pix_fmt = (
            frames[0].width,
            frames[0].height,
            pixel_format,
        )
        context = stream.codec_context
        context.time_base = Fraction(1, FPS)
        if codec == "libx265":
            context.codec_tag = "hvc1"
            context.color_primaries, context.color_trc, context.colorspace = BT2020, PQ, BT2020_NCL
            context.color_range = NARROW
        else:
            context.color_range = FULL
        for index, frame in enumerate(frames):
            frame.pts, frame.time_base = index, Fraction(1, FPS)
            movie.mux(stream.encode(frame))
        movie.mux(stream.encode(None))
    print(f"{out}: {out.stat().st_size / 1e6:.2f} MB")


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder, here = Path(sys.argv[1]), Path(__file__).parent
    colour = [colour_frame(path) for path in sorted(folder.glob("colour.[0-9]*.exr"))]
    depth = [disparity_frame(path) for path in sorted(folder.glob("depth.[0-9]*.exr"))]
    if not colour or len(colour) != len(depth):
        sys.exit(f"{folder} holds {len(colour)} pictures and {len(depth)} depth maps")
    tags = "colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:range=limited"
    pack(
        here / "colour.mp4",
        "libx265",
        "yuv420p10le",
        colour,
        preset="slower",
        crf=str(CRF),
        **{"x265-params": f"{tags}:hdr10=1:repeat-headers=1:log-level=error"},
    )
    pack(
        here / "disparity.mkv", "ffv1", "gray10le", depth, level="3", context="1", coder="2", g="48"
    )


if __name__ == "__main__":
    main()
