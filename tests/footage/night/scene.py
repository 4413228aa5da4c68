"""The demo's night scene: modelled and path-traced with Blender's Cycles (the package ``bpy``).

A lucky cat on a bar's counter, a person under an umbrella five metres from the camera, and a wet
street full of small lights. Everything is built here from numbers; the only asset is the font that
Blender ships. The camera is a pinhole, so all of it is sharp; the lens is what the effect adds.

Run by an interpreter that has ``bpy`` (the project itself does not need it)::

    python scene.py FOLDER [--frames 0-47] [--size 960x540] [--samples 9]

writes ``FOLDER/colour.%04d.exr`` (scene-linear Rec.709, half float) and ``FOLDER/depth.%04d.exr``
(metres along the optical axis, 0 for the sky, sampled at the pixels' centres so that silhouettes
stay hard).
"""

from __future__ import annotations

import argparse
import math
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bpy
from mathutils import Euler, Vector

FRAMES = 48
FPS = 24
SENSOR_WIDTH_MM = 36.0
FOCAL_LENGTH_MM = 38.0
EXPOSURE = 1.5
SKY = 0.35

Point = tuple[float, float, float]
Colour = tuple[float, float, float]

WARM: Colour = (1.0, 0.46, 0.13)
AMBER: Colour = (1.0, 0.32, 0.05)
RED: Colour = (1.0, 0.03, 0.02)
PINK: Colour = (1.0, 0.05, 0.28)
CYAN: Colour = (0.05, 0.7, 1.0)
BLUE: Colour = (0.06, 0.16, 1.0)
GREEN: Colour = (0.05, 1.0, 0.3)
WHITE: Colour = (1.0, 0.9, 0.78)


# ---------------------------------------------------------------- materials


def principled(name: str, colour: Colour, roughness: float = 0.5, **inputs: Any) -> Any:
    """A Principled material; ``inputs`` are its sockets, underscores for spaces."""
    material = bpy.data.materials.new(name)
    shader = material.node_tree.nodes["Principled BSDF"]
    shader.inputs["Base Color"].default_value = (*colour, 1.0)
    shader.inputs["Roughness"].default_value = roughness
    for socket, value in inputs.items():
        shader.inputs[socket.replace("_", " ")].default_value = value
    return material


def glow(name: str, colour: Colour, radiance: float, *, sampled: bool = True) -> Any:
    """A black body that emits; ``sampled`` False for lights too small to light anything else."""
    material = principled(
        name, (0, 0, 0), 0.6, Emission_Color=(*colour, 1.0), Emission_Strength=radiance
    )
    if not sampled:
        material.cycles.emission_sampling = "NONE"
    return material


def lived_in(colour: Colour, radiance: float) -> Any:
    """A lit window: brighter here, darker there, as curtains and furniture make it."""
    material = glow("window", colour, radiance, sampled=False)
    shader = material.node_tree.nodes["Principled BSDF"]
    noise = _noise(material, 1.6, 1.0).outputs["Fac"]
    uneven = _remap(material, noise, (0.35, 0.65), (0.15 * radiance, 1.5 * radiance))
    material.node_tree.links.new(uneven, shader.inputs["Emission Strength"])
    return material


def _node(material: Any, kind: str, **properties: Any) -> Any:
    node = material.node_tree.nodes.new(kind)
    for name, value in properties.items():
        setattr(node, name, value)
    return node


def _noise(material: Any, scale: float, detail: float = 4.0) -> Any:
    """Noise over the object's own coordinates in metres: the node whose "Fac" is the noise."""
    where = _node(material, "ShaderNodeTexCoord")
    noise = _node(material, "ShaderNodeTexNoise")
    noise.inputs["Scale"].default_value = scale
    noise.inputs["Detail"].default_value = detail
    material.node_tree.links.new(where.outputs["Object"], noise.inputs["Vector"])
    return noise


def _remap(material: Any, value: Any, source: tuple[float, float], to: tuple[float, float]) -> Any:
    remap = _node(material, "ShaderNodeMapRange")
    for socket, number in zip(
        ("From Min", "From Max", "To Min", "To Max"), (*source, *to), strict=True
    ):
        remap.inputs[socket].default_value = number
    material.node_tree.links.new(value, remap.inputs["Value"])
    return remap.outputs["Result"]


def _bump(material: Any, height: Any, strength: float, distance: float) -> None:
    bump = _node(material, "ShaderNodeBump")
    bump.inputs["Strength"].default_value = strength
    bump.inputs["Distance"].default_value = distance
    links, shader = material.node_tree.links, material.node_tree.nodes["Principled BSDF"]
    links.new(height, bump.inputs["Height"])
    links.new(bump.outputs["Normal"], shader.inputs["Normal"])


def wet_asphalt() -> Any:
    """Asphalt with puddles: broad noise decides where water stands and is smooth."""
    material = principled("asphalt", (0.018, 0.019, 0.022), 0.3, Specular_IOR_Level=0.6)
    shader = material.node_tree.nodes["Principled BSDF"]
    puddles = _noise(material, 0.55, 3.0).outputs["Fac"]
    dry = _remap(material, puddles, (0.42, 0.58), (0.0, 1.0))
    material.node_tree.links.new(
        _remap(material, dry, (0, 1), (0.04, 0.3)), shader.inputs["Roughness"]
    )
    grain = _noise(material, 60.0, 3.0).outputs["Fac"]
    height = _node(material, "ShaderNodeMath", operation="MULTIPLY")
    material.node_tree.links.new(grain, height.inputs[0])
    material.node_tree.links.new(dry, height.inputs[1])
    _bump(material, height.outputs[0], 0.35, 0.012)
    return material


def worn(
    name: str, colour: Colour, roughness: float, scale: float, stretch: Point = (1, 1, 1)
) -> Any:
    """Paint, plaster or wood: noise varies its brightness, its gloss and a little its relief."""
    material = principled(name, colour, roughness)
    links, shader = material.node_tree.links, material.node_tree.nodes["Principled BSDF"]
    noise = _noise(material, scale, 6.0)
    mapping = _node(material, "ShaderNodeMapping")
    mapping.inputs["Scale"].default_value = stretch
    links.new(noise.inputs["Vector"].links[0].from_socket, mapping.inputs["Vector"])
    links.new(mapping.outputs["Vector"], noise.inputs["Vector"])
    shade = _node(material, "ShaderNodeMix", data_type="RGBA")
    shade.inputs["A"].default_value = (*(0.35 * c for c in colour), 1.0)
    shade.inputs["B"].default_value = (*(1.3 * c for c in colour), 1.0)
    factor = _remap(material, noise.outputs["Fac"], (0.3, 0.7), (0.0, 1.0))
    links.new(factor, shade.inputs["Factor"])
    links.new(shade.outputs["Result"], shader.inputs["Base Color"])
    rough = _remap(material, factor, (0, 1), (roughness * 0.6, min(1.0, roughness * 1.3)))
    links.new(rough, shader.inputs["Roughness"])
    _bump(material, factor, 0.25, 0.004)
    return material


# ---------------------------------------------------------------- shapes


def add(name: str, data: Any, material: Any = None, parent: Any = None) -> Any:
    """An object of ``data`` in the scene."""
    thing = bpy.data.objects.new(name, data)
    bpy.context.scene.collection.objects.link(thing)
    thing.parent = parent
    if material is not None:
        data.materials.append(material)
    return thing


def mesh(
    name: str,
    points: Sequence[Point],
    faces: Sequence[tuple[int, ...]],
    material: Any,
    *,
    parent: Any = None,
    smooth: bool = True,
) -> Any:
    """A mesh object."""
    data = bpy.data.meshes.new(name)
    data.from_pydata(points, [], faces)
    data.polygons.foreach_set("use_smooth", [smooth] * len(faces))
    data.update()
    return add(name, data, material, parent)


def box(
    name: str, centre: Point, size: Point, material: Any, *, bevel: float = 0.0, parent: Any = None
) -> Any:
    """A box with its edges along the axes."""
    corners = [(x, y, z) for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)]
    faces = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    points = [(c[0] * size[0], c[1] * size[1], c[2] * size[2]) for c in corners]
    thing = mesh(name, points, faces, material, parent=parent, smooth=False)
    thing.location = centre
    if bevel:
        modifier = thing.modifiers.new("bevel", "BEVEL")
        modifier.width, modifier.segments = bevel, 3
    return thing


def loft(
    name: str,
    rings: list[list[Point]],
    material: Any,
    *,
    parent: Any = None,
    smooth: bool = True,
    caps: bool = True,
) -> Any:
    """A skin over closed rings of equally many points, the last of which may be closed off."""
    count = len(rings[0])
    points = [point for ring in rings for point in ring]
    faces: list[tuple[int, ...]] = [
        (
            r * count + i,
            r * count + (i + 1) % count,
            (r + 1) * count + (i + 1) % count,
            (r + 1) * count + i,
        )
        for r in range(len(rings) - 1)
        for i in range(count)
    ]
    if caps:
        faces += [tuple(reversed(range(count))), tuple(range(len(points) - count, len(points)))]
    return mesh(name, points, faces, material, parent=parent, smooth=smooth)


def ring(
    radius_x: float, radius_y: float, z: float, x: float = 0.0, y: float = 0.0, count: int = 48
) -> list[Point]:
    """Points of an ellipse at the height z, counter-clockwise from above."""
    turns = (2 * math.pi * i / count for i in range(count))
    return [(x + radius_x * math.cos(t), y + radius_y * math.sin(t), z) for t in turns]


def lathe(name: str, profile: list[tuple[float, float]], material: Any, **options: Any) -> Any:
    """A body of revolution about z from (radius, z) pairs, from the bottom up."""
    return loft(name, [ring(r, r, z) for r, z in profile], material, **options)


def ball(name: str, centre: Point, radii: Point, material: Any, *, parent: Any = None) -> Any:
    """An ellipsoid."""
    steps = 20
    angles = [math.pi * (i / steps - 0.5) for i in range(steps + 1)]
    rings = [
        ring(
            max(radii[0] * math.cos(a), 1e-5),
            max(radii[1] * math.cos(a), 1e-5),
            radii[2] * math.sin(a),
            count=32,
        )
        for a in angles
    ]
    thing = loft(name, rings, material, parent=parent, caps=False)
    thing.location = centre
    return thing


def melt(
    name: str,
    parts: Sequence[tuple[Point, Point, Point]],
    material: Any,
    voxel: float,
    *,
    parent: Any = None,
) -> Any:
    """Ellipsoids (centre, radii, rotation in degrees) flowed into one smooth body."""
    points: list[Point] = []
    faces: list[tuple[int, ...]] = []
    for centre, radii, degrees in parts:
        turn = Euler([math.radians(d) for d in degrees]).to_matrix()
        first, rows, columns = len(points), 13, 24
        for row in range(rows):
            a = math.pi * (row / (rows - 1) - 0.5)
            for x, y, _ in ring(max(math.cos(a), 0.01), max(math.cos(a), 0.01), 0, count=columns):
                local = Vector((x * radii[0], y * radii[1], math.sin(a) * radii[2]))
                points.append(tuple(turn @ local + Vector(centre)))
        for row in range(rows - 1):
            for i in range(columns):
                j = (i + 1) % columns
                faces.append(
                    (
                        first + row * columns + i,
                        first + row * columns + j,
                        first + (row + 1) * columns + j,
                        first + (row + 1) * columns + i,
                    )
                )
        faces.append(tuple(first + i for i in reversed(range(columns))))
        faces.append(tuple(first + (rows - 1) * columns + i for i in range(columns)))
    thing = mesh(name, points, faces, material, parent=parent)
    remesh = thing.modifiers.new("one skin", "REMESH")
    remesh.mode, remesh.voxel_size, remesh.use_smooth_shade = "VOXEL", voxel, True
    smooth = thing.modifiers.new("flow", "SMOOTH")
    smooth.factor, smooth.iterations = 0.5, 14
    return thing


def tube(
    name: str,
    path: list[Point],
    radius: float,
    material: Any,
    *,
    parent: Any = None,
    taper: float = 1.0,
) -> Any:
    """A round tube along a smooth path, its radius going to ``taper`` of it at the end."""
    curve = bpy.data.curves.new(name, "CURVE")
    curve.dimensions, curve.bevel_depth, curve.bevel_resolution, curve.use_fill_caps = (
        "3D",
        radius,
        6,
        True,
    )
    spline = curve.splines.new("NURBS")
    spline.points.add(len(path) - 1)
    for i, (point, position) in enumerate(zip(spline.points, path, strict=True)):
        point.co = (*position, 1.0)
        point.radius = 1.0 + (taper - 1.0) * i / (len(path) - 1)
    spline.order_u, spline.use_endpoint_u = min(4, len(path)), True
    return add(name, curve, material, parent)


def text(
    words: str,
    centre: Point,
    height: float,
    material: Any,
    *,
    turn: Point = (90, 0, 0),
    vertical: bool = False,
    neon: float = 0.0,
    thickness: float = 0.008,
    parent: Any = None,
) -> Any:
    """Letters facing -y when unturned; ``neon`` is the radius of glass tubes along the outlines."""
    path = str(
        Path(bpy.utils.system_resource("DATAFILES", path="fonts")) / "Noto Sans CJK Regular.woff2"
    )
    curve = bpy.data.curves.new(words, "FONT")
    curve.font = bpy.data.fonts.load(path, check_existing=True)
    curve.body = "\n".join(words) if vertical else words
    curve.size, curve.align_x, curve.align_y = height, "CENTER", "CENTER"
    curve.space_line = 0.85
    if neon:
        curve.fill_mode, curve.bevel_depth = "NONE", neon
    else:
        curve.extrude, curve.offset = thickness / 2, 0.003 * height
    thing = add(words, curve, material, parent)
    thing.location, thing.rotation_euler = centre, [math.radians(d) for d in turn]
    return thing


def empty(name: str, location: Point, turn: Point = (0, 0, 0), parent: Any = None) -> Any:
    """A place to hang parts on."""
    thing = add(name, None, parent=parent)
    thing.location, thing.rotation_euler = location, [math.radians(d) for d in turn]
    return thing


# ---------------------------------------------------------------- the near subject


def cat(location: Point, turn: float) -> Any:
    """A lucky cat of glazed porcelain, 25 cm high, one paw waving. It looks towards -y."""
    root = empty("cat", location, (0, 0, turn))
    glaze = principled("porcelain", (0.86, 0.83, 0.77), 0.16, Coat_Weight=0.6, Coat_Roughness=0.05)
    gold = principled("gold", (0.98, 0.62, 0.18), 0.36, Metallic=1.0)
    red = principled("red lacquer", (0.55, 0.012, 0.01), 0.22, Coat_Weight=0.5)
    black = principled("black lacquer", (0.008, 0.008, 0.009), 0.12, Coat_Weight=0.5)
    pink = principled("pink", (0.8, 0.26, 0.22), 0.35)

    no = (0.0, 0.0, 0.0)
    body = [
        ((0, 0.006, 0.062), (0.072, 0.064, 0.066), no),
        ((0, 0.004, 0.105), (0.056, 0.049, 0.062), no),
        ((0, -0.002, 0.178), (0.066, 0.054, 0.053), no),
        ((0, -0.03, 0.163), (0.036, 0.028, 0.024), no),
        ((-0.04, -0.048, 0.016), (0.025, 0.034, 0.017), no),
        ((0.04, -0.048, 0.016), (0.025, 0.034, 0.017), no),
        ((0.04, -0.048, 0.088), (0.017, 0.019, 0.042), (-22, 0, 0)),
        ((0.036, -0.066, 0.062), (0.019, 0.018, 0.018), no),
        ((0.035, 0.07, 0.045), (0.018, 0.03, 0.018), (35, 0, -20)),
    ]
    body += [((s * 0.041, 0.0, 0.222), (0.02, 0.012, 0.03), (0, s * 20.0, 0)) for s in (-1, 1)]
    melt("cat body", body, glaze, 0.0035, parent=root)
    for side in (-1, 1):
        inner = ball(
            "ear", (side * 0.042, -0.0115, 0.224), (0.0105, 0.004, 0.018), pink, parent=root
        )
        inner.rotation_euler = (0, math.radians(side * 20), 0)
        eye = ball(
            "eye", (side * 0.026, -0.0485, 0.188), (0.0085, 0.0055, 0.0125), black, parent=root
        )
        eye.rotation_euler = (math.radians(-8), math.radians(side * 8), math.radians(side * 24))
        for lift in (-1, 0, 1):
            start = Vector((side * 0.034, -0.05, 0.161 + 0.004 * lift))
            end = Vector((side * 0.075, -0.043, 0.163 + 0.012 * lift))
            tube(
                "whisker",
                [tuple(start), tuple(start.lerp(end, 0.5)), tuple(end)],
                0.0009,
                black,
                parent=root,
            )
        tube(
            "mouth",
            [
                (0, -0.0585, 0.1665),
                (side * 0.004, -0.0592, 0.158),
                (side * 0.013, -0.0575, 0.157),
                (side * 0.018, -0.054, 0.162),
            ],
            0.0012,
            black,
            parent=root,
        )
    ball("nose", (0, -0.0575, 0.1695), (0.0068, 0.0045, 0.0048), pink, parent=root)

    collar = [
        ring(0.0555, 0.0505, 0.128 + dz, 0, -0.002) for dz in (-0.007, -0.0035, 0.0, 0.0035, 0.007)
    ]
    swell = (1.0, 1.06, 1.08, 1.06, 1.0)
    collar = [[(x * s, y * s, z) for x, y, z in r] for r, s in zip(collar, swell, strict=True)]
    loft("collar", collar, red, parent=root)
    ball("bell", (-0.012, -0.0625, 0.118), (0.0135, 0.0135, 0.0135), gold, parent=root)
    tube(
        "slit",
        [(-0.012, -0.0765, 0.1185), (-0.012, -0.074, 0.11), (-0.012, -0.068, 0.106)],
        0.0013,
        black,
        parent=root,
    )

    coin = empty("coin", (0.004, -0.083, 0.073), (-14, 0, 0), root)
    rings = [
        ring(0.03 * k, 0.0435 * k, z)
        for k, z in ((0.9, -0.004), (1.0, -0.002), (1.0, 0.002), (0.94, 0.004))
    ]
    plate = loft("koban", rings, gold, parent=coin)
    plate.rotation_euler = (math.radians(90), 0, 0)
    text("千万両", (0, -0.0045, 0), 0.029, black, vertical=True, thickness=0.001, parent=coin)

    # The waving arm turns about its shoulder.
    shoulder = empty("shoulder", (-0.05, -0.006, 0.118), parent=root)
    arm = [
        ((-0.014, -0.006, 0.025), (0.02, 0.019, 0.04), (0, -14, 0)),
        ((-0.022, -0.012, 0.068), (0.018, 0.018, 0.036), (0, -4, 0)),
        ((-0.022, -0.022, 0.102), (0.0225, 0.02, 0.022), (20, 0, 0)),
    ]
    melt("arm", arm, glaze, 0.003, parent=shoulder)
    for frame in range(0, FRAMES + 1, 4):
        shoulder.rotation_euler = (math.radians(-9 - 11 * math.cos(frame * 2 * math.pi / 32)), 0, 0)
        shoulder.keyframe_insert("rotation_euler", frame=frame)
    return root


# ---------------------------------------------------------------- the far subject


def person(location: Point, turn: float) -> Any:
    """Somebody in a raincoat under an umbrella, seen from behind when unturned (walking to +y)."""
    root = empty("person", location, (0, 0, turn))
    coat = principled("raincoat", (0.75, 0.36, 0.03), 0.35, Coat_Weight=0.4, Coat_Roughness=0.2)
    trousers = principled("trousers", (0.03, 0.035, 0.06), 0.7)
    rubber = principled("boots", (0.3, 0.012, 0.015), 0.18, Coat_Weight=0.5)
    hair = principled("hair", (0.025, 0.013, 0.008), 0.32)
    skin = principled("skin", (0.62, 0.36, 0.25), 0.45)
    steel = principled("steel", (0.5, 0.5, 0.52), 0.25, Metallic=1.0)

    def folds(radius_x: float, radius_y: float, z: float, depth: float) -> list[Point]:
        return [
            (
                x * (1 + depth * math.sin(7 * i / 48 * 2 * math.pi + 3 * z)),
                y * (1 + depth * math.sin(7 * i / 48 * 2 * math.pi + 3 * z)),
                pz,
            )
            for i, (x, y, pz) in enumerate(ring(radius_x, radius_y, z))
        ]

    profile = [
        (0.285, 0.225, 0.52, 0.055),
        (0.28, 0.22, 0.53, 0.055),
        (0.255, 0.2, 0.7, 0.045),
        (0.225, 0.17, 0.9, 0.03),
        (0.2, 0.145, 1.05, 0.012),
        (0.205, 0.14, 1.18, 0.006),
        (0.215, 0.135, 1.3, 0.0),
        (0.195, 0.115, 1.39, 0.0),
        (0.13, 0.09, 1.435, 0.0),
        (0.075, 0.075, 1.46, 0.0),
    ]
    loft("coat", [folds(*row) for row in profile], coat, parent=root)
    for side, step in ((-1, 0.16), (1, -0.13)):
        knee = (side * 0.085, step * 0.45, 0.48)
        foot = (side * 0.085, step, 0.1)
        tube("leg", [(side * 0.085, 0, 0.8), knee, foot], 0.085, trousers, parent=root, taper=0.75)
        tube(
            "boot shaft",
            [
                (side * 0.085, step * 0.8, 0.3),
                (side * 0.085, step * 0.95, 0.16),
                (side * 0.085, step, 0.06),
            ],
            0.078,
            rubber,
            parent=root,
        )
        ball("boot", (side * 0.085, step + 0.06, 0.05), (0.062, 0.14, 0.055), rubber, parent=root)

    # A hood lies on the shoulders; a bob of hair over it.
    melt(
        "hood",
        [
            ((0, -0.06, 1.44), (0.13, 0.075, 0.06), (25, 0, 0)),
            ((0, 0.02, 1.45), (0.1, 0.09, 0.035), (0, 0, 0)),
        ],
        coat,
        0.01,
        parent=root,
    )
    ball("head", (0, 0.02, 1.6), (0.082, 0.1, 0.118), skin, parent=root)
    melt(
        "hair",
        [
            ((0, 0.0, 1.635), (0.1, 0.112, 0.105), (0, 0, 0)),
            ((0, -0.02, 1.56), (0.108, 0.095, 0.1), (0, 0, 0)),
            ((0, -0.035, 1.51), (0.1, 0.075, 0.05), (0, 0, 0)),
        ],
        hair,
        0.009,
        parent=root,
    )
    tube("neck", [(0, 0, 1.42), (0, 0.01, 1.56)], 0.05, skin, parent=root)

    tube(
        "left arm",
        [(-0.19, 0, 1.36), (-0.265, 0.0, 1.15), (-0.26, 0.05, 0.95), (-0.245, 0.09, 0.84)],
        0.068,
        coat,
        parent=root,
        taper=0.8,
    )
    ball("left hand", (-0.245, 0.1, 0.8), (0.035, 0.04, 0.06), skin, parent=root)
    tube(
        "right arm",
        [(0.18, 0, 1.36), (0.285, 0.02, 1.14), (0.25, 0.16, 1.08), (0.17, 0.22, 1.2)],
        0.068,
        coat,
        parent=root,
        taper=0.78,
    )
    ball("right hand", (0.155, 0.23, 1.23), (0.04, 0.045, 0.05), skin, parent=root)

    shade = empty("umbrella", (0.155, 0.23, 1.18), (8, -7, 0), root)
    tube("handle", [(0, 0, -0.12), (0, 0, 0.3), (0, 0, 0.86)], 0.009, steel, parent=shade)
    cloth = principled("umbrella cloth", (0.72, 0.02, 0.025), 0.3, Transmission_Weight=0.0)
    tree = cloth.node_tree
    through = _node(cloth, "ShaderNodeBsdfTranslucent")
    through.inputs["Color"].default_value = (0.9, 0.05, 0.04, 1)
    both = _node(cloth, "ShaderNodeMixShader")
    both.inputs["Fac"].default_value = 0.55
    tree.links.new(tree.nodes["Principled BSDF"].outputs[0], both.inputs[1])
    tree.links.new(through.outputs[0], both.inputs[2])
    tree.links.new(both.outputs[0], tree.nodes["Material Output"].inputs["Surface"])
    panels, per_panel, radius = 8, 12, 0.56
    rings = []
    for row in range(15):
        t = max(row / 14, 0.01)
        points = []
        for i in range(panels * per_panel):
            a = 2 * math.pi * i / (panels * per_panel)
            slack = 1 - 0.05 * t * t * math.sin(math.pi * (i % per_panel) / per_panel)
            scallop = 0.055 * t**3 * math.sin(math.pi * (i % per_panel) / per_panel)
            r = radius * math.sin(t * 1.25) / math.sin(1.25) * slack
            points.append(
                (
                    r * math.cos(a),
                    r * math.sin(a),
                    0.84 - 0.3 * (1 - math.cos(t * 1.25)) / (1 - math.cos(1.25)) + scallop,
                )
            )
        rings.append(points)
    loft("canopy", rings, cloth, parent=shade, caps=False)
    for i in range(panels):
        a = 2 * math.pi * i / panels
        rib = [rings[row][i * per_panel] for row in range(0, 15, 2)]
        tube("rib", [(x, y, z - 0.006) for x, y, z in rib], 0.004, steel, parent=shade)
        ball(
            "tip",
            (radius * math.cos(a), radius * math.sin(a), 0.545),
            (0.011, 0.011, 0.011),
            steel,
            parent=shade,
        )
    tube("ferrule", [(0, 0, 0.83), (0, 0, 0.93)], 0.008, steel, parent=shade)
    return root


# ---------------------------------------------------------------- the street


def paper_lantern(
    centre: Point, radius: float, colour: Colour, radiance: float, words: str = ""
) -> Any:
    """A ribbed paper lantern, brighter at its middle where the bulb is."""
    root = empty("lantern", centre)
    paper = glow("lantern paper", colour, radiance)
    tree, shader = paper.node_tree, paper.node_tree.nodes["Principled BSDF"]
    where = _node(paper, "ShaderNodeTexCoord")
    split = _node(paper, "ShaderNodeSeparateXYZ")
    tree.links.new(where.outputs["Generated"], split.inputs[0])
    off = _node(paper, "ShaderNodeMath", operation="SUBTRACT")
    off.inputs[1].default_value = 0.5
    tree.links.new(split.outputs["Z"], off.inputs[0])
    square = _node(paper, "ShaderNodeMath", operation="MULTIPLY")
    tree.links.new(off.outputs[0], square.inputs[0])
    tree.links.new(off.outputs[0], square.inputs[1])
    tree.links.new(
        _remap(paper, square.outputs[0], (0.0, 0.25), (radiance, 0.12 * radiance)),
        shader.inputs["Emission Strength"],
    )
    ribs, profile = 14, []
    for i in range(ribs * 4 + 1):
        t = i / (ribs * 4) * 2 - 1
        r = (
            radius
            * (1 - 0.62 * abs(t) ** 2.6)
            * (1 - 0.045 * abs(math.cos(math.pi * ribs * (t + 1) / 2)))
        )
        profile.append((r, t * radius * 1.12))
    lathe("paper", profile, paper, parent=root, caps=False)
    black = principled("lantern ring", (0.01, 0.008, 0.008), 0.4)
    for z in (-1.12, 1.12):
        lathe(
            "ring",
            [
                (radius * 0.4, z * radius - 0.06 * radius),
                (radius * 0.4, z * radius + 0.06 * radius),
            ],
            black,
            parent=root,
        )
    tube("cord", [(0, 0, radius * 1.15), (0, 0, radius * 3)], radius * 0.03, black, parent=root)
    if words:
        # Thick enough to reach out of the curved paper everywhere.
        text(
            words, (0, -radius * 0.93, 0), radius * 1.2, black, thickness=0.2 * radius, parent=root
        )
    return root


def sign(
    words: str,
    centre: Point,
    width: float,
    height: float,
    colour: Colour,
    radiance: float,
    *,
    ink: Colour | None = None,
    facing: float = 0.0,
) -> None:
    """A lit box with letters, read from above down when it is tall."""
    root = empty("sign", centre, (0, 0, facing))
    box(
        "case",
        (0, 0, 0),
        (width + 0.06, 0.14, height + 0.06),
        principled("case", (0.03, 0.03, 0.03), 0.4),
        parent=root,
    )
    box("face", (0, 0, 0), (width, 0.16, height), glow("face", colour, radiance), parent=root)
    tall = height > width
    letter = (
        min(width * 1.2, height / len(words) * 1.3)
        if tall
        else min(height * 1.1, 1.5 * width / len(words))
    )
    for front in (-1, 1):
        letters = (
            glow("letters", WHITE, 2.0 * radiance, sampled=False)
            if ink is None
            else principled("ink", ink)
        )
        text(
            words,
            (0, front * 0.084, 0),
            letter,
            letters,
            vertical=tall,
            turn=(90, 0, 0 if front < 0 else 180),
            parent=root,
        )


def string_of_bulbs(
    start: Point,
    end: Point,
    count: int,
    sag: float,
    colours: list[Colour],
    radiance: float,
    radius: float,
) -> None:
    """Bulbs on a hanging cable."""
    a, b = Vector(start), Vector(end)
    path = []
    for i in range(count * 2 + 1):
        t = i / (count * 2)
        p = a.lerp(b, t)
        p.z -= sag * 4 * t * (1 - t)
        path.append(tuple(p))
    tube("cable", path, 0.008, principled("cable", (0.01, 0.01, 0.01), 0.6))
    for i in range(count):
        x, y, z = path[2 * i + 1]
        ball(
            "bulb",
            (x, y, z - radius * 1.6),
            (radius, radius, radius * 1.25),
            glow("bulb", colours[i % len(colours)], radiance, sampled=False),
        )


def vending_machine(location: Point, turn: float) -> None:
    """Rows of bottles behind a lit front, which faces -y when unturned."""
    root = empty("vending machine", location, (0, 0, turn))
    shell = principled("enamel", (0.03, 0.12, 0.35), 0.25, Coat_Weight=0.4)
    box("shell", (0, 0.35, 0.92), (1.05, 0.7, 1.84), shell, bevel=0.03, parent=root)
    box(
        "front",
        (0, -0.01, 1.22),
        (0.92, 0.02, 1.05),
        glow("front", (0.75, 0.92, 1.0), 1.5),
        parent=root,
    )
    dice = random.Random(5)
    for shelf in range(3):
        z = 0.76 + 0.34 * shelf
        box(
            "shelf",
            (0, -0.05, z),
            (0.94, 0.1, 0.02),
            principled("shelf", (0.5, 0.5, 0.5), 0.4),
            parent=root,
        )
        for i in range(9):
            paint = dice.choice(
                [
                    (0.7, 0.03, 0.03),
                    (0.04, 0.35, 0.08),
                    (0.8, 0.45, 0.03),
                    (0.03, 0.1, 0.5),
                    (0.5, 0.5, 0.5),
                    (0.15, 0.05, 0.02),
                ]
            )
            bottle = lathe(
                "bottle",
                [(0.032, 0.0), (0.034, 0.02), (0.034, 0.14), (0.014, 0.19), (0.014, 0.22)],
                principled("bottle", paint, 0.3),
                parent=root,
            )
            bottle.location = (-0.4 + 0.1 * i, -0.06, z + 0.012)
        box(
            "buttons",
            (0, -0.105, z - 0.012),
            (0.9, 0.01, 0.022),
            glow("buttons", CYAN, 3.0, sampled=False),
            parent=root,
        )
    box(
        "slot",
        (0, -0.01, 0.3),
        (0.6, 0.03, 0.2),
        principled("slot", (0.01, 0.01, 0.01), 0.3),
        parent=root,
    )
    text(
        "COLD DRINKS",
        (0, -0.012, 1.79),
        0.09,
        glow("brand", WHITE, 1.5, sampled=False),
        parent=root,
    )


def facade(side: int, x: float, start: float, end: float, dice: random.Random) -> None:
    """One house after the other along the street: a shop window below, rooms above."""
    y = start
    walls = [
        worn(f"plaster {i}", c, 0.75, 3.0)
        for i, c in enumerate([(0.05, 0.045, 0.045), (0.065, 0.045, 0.035), (0.03, 0.04, 0.05)])
    ]
    frame = principled("frame", (0.02, 0.016, 0.013), 0.4)
    lit = [WARM, (1.0, 0.7, 0.4), WARM, (0.6, 0.85, 1.0), AMBER]
    while y < end:
        width, height = dice.uniform(2.8, 4.2), dice.uniform(6.0, 11.0)
        middle = y + width / 2
        out = -side  # towards the street
        box(
            "house",
            (x + side * 2.0, middle, height / 2),
            (4.0 + dice.uniform(0, 0.25), width - 0.06, height),
            dice.choice(walls),
        )
        window = lived_in(dice.choice(lit), dice.uniform(0.25, 0.6))
        face = x + out * 0.14
        box("shop window", (face, middle, 1.35), (0.04, width * 0.72, 1.5), window)
        bars = max(3, int(width * 2.2))
        for i in range(bars + 1):
            box(
                "bar",
                (face + out * 0.03, middle - width * 0.36 + i * width * 0.72 / bars, 1.35),
                (0.03, 0.035, 1.54),
                frame,
            )
        for z in (0.6, 1.1, 1.75, 2.1):
            box("bar", (face + out * 0.03, middle, z), (0.03, width * 0.74, 0.035), frame)
        canopy = box(
            "awning",
            (x + out * 0.45, middle, 2.4),
            (0.95, width * 0.86, 0.05),
            dice.choice(
                [
                    principled("awning", c, 0.6)
                    for c in ((0.25, 0.02, 0.02), (0.02, 0.08, 0.12), (0.2, 0.15, 0.08))
                ]
            ),
        )
        canopy.rotation_euler = (0, math.radians(out * 16), 0)
        for floor in range(1, int(height / 2.6)):
            for i in range(2):
                if dice.random() < 0.45:
                    tone = glow("room", dice.choice(lit), dice.uniform(0.1, 0.6), sampled=False)
                    box(
                        "room",
                        (face + side * 0.02, y + width * (0.28 + 0.44 * i), floor * 2.6 + 1.6),
                        (0.05, width * 0.26, 1.15),
                        tone,
                    )
                    box(
                        "mullion",
                        (face + out * 0.02, y + width * (0.28 + 0.44 * i), floor * 2.6 + 1.6),
                        (0.03, 0.04, 1.2),
                        frame,
                    )
        y += width


def car(location: Point, towards: bool) -> Any:
    """A dark car far away: what matters are its lights."""
    root = empty("car", location)
    paint = principled("car paint", (0.02, 0.02, 0.025), 0.15, Coat_Weight=0.6)
    box("hull", (0, 2.0, 0.6), (1.7, 4.2, 0.65), paint, bevel=0.15, parent=root)
    box("cabin", (0, 2.3, 1.1), (1.45, 2.1, 0.55), paint, bevel=0.2, parent=root)
    for side in (-1, 1):
        colour, radiance = ((0.95, 0.95, 1.0), 320.0) if towards else (RED, 60.0)
        ball(
            "lamp",
            (side * 0.66, -0.13, 0.66),
            (0.1, 0.04, 0.075),
            glow("car lamp", colour, radiance, sampled=False),
            parent=root,
        )
    return root


def street() -> None:
    """Ground, houses, signs and the small lights far away."""
    dice = random.Random(11)
    mesh(
        "ground",
        [(-30, -3, 0), (30, -3, 0), (30, 120, 0), (-30, 120, 0)],
        [(0, 1, 2, 3)],
        wet_asphalt(),
    )
    kerb = worn("kerb", (0.1, 0.1, 0.1), 0.4, 8.0)
    for x in (-2.35, 2.85):
        box("kerb", (x, 25, 0.05), (0.5, 56, 0.1), kerb, bevel=0.02)
    facade(-1, -2.6, 3.2, 34, dice)
    facade(1, 3.1, 4.0, 34, dice)

    # Signs stand out into the street so that the camera reads them.
    sign("酒場", (-1.7, 13.0, 3.1), 0.8, 1.7, RED, 1.1)
    sign("BAR", (1.62, 12.5, 3.68), 0.75, 1.65, BLUE, 1.3)
    sign("薬", (2.2, 17.5, 3.1), 1.0, 1.0, GREEN, 0.7)
    sign("カラオケ", (-1.6, 19.5, 4.2), 1.0, 3.6, PINK, 1.0)
    sign("HOTEL", (1.75, 24.0, 4.6), 1.0, 3.8, CYAN, 0.6)
    box(
        "board",
        (2.5, 9.06, 2.95),
        (1.25, 0.06, 0.62),
        principled("board", (0.01, 0.01, 0.012), 0.3),
    )
    text("f/1.4", (2.5, 9.0, 2.93), 0.55, glow("neon pink", PINK, 9.0, sampled=False), neon=0.014)
    text(
        "シネマ",
        (-2.3, 9.8, 2.65),
        0.62,
        glow("neon cyan", CYAN, 6.0, sampled=False),
        turn=(90, 0, 60),
        neon=0.014,
    )

    vending_machine((2.38, 8.6, 0.1), -38)
    for i, (x, y) in enumerate(
        [
            (-2.05, 5.6),
            (-2.05, 6.3),
            (-2.0, 10.8),
            (-2.0, 11.5),
            (2.25, 5.6),
            (2.45, 13.2),
            (2.45, 13.9),
            (2.45, 18.5),
            (-1.95, 16.5),
        ]
    ):
        paper_lantern((x, y, 2.1), 0.2, (1.0, 0.13, 0.03) if i % 3 else WARM, 2.6)

    for y, z, tone in (
        (9.0, 4.2, [WARM]),
        (14.0, 4.6, [WARM, PINK, AMBER, CYAN]),
        (20.0, 5.0, [WARM]),
        (27.0, 5.4, [WARM, PINK, CYAN]),
    ):
        string_of_bulbs((-2.5, y, z), (3.0, y + 2.0, z + 0.2), 11, 0.7, tone, 70.0, 0.04)

    # Far away: a crossing with cars, lamps and the windows of a town.
    for x, y, towards in ((0.55, 33.0, True), (-1.0, 42.0, False), (1.5, 52.0, True)):
        vehicle = car((x, y, 0), towards)
        for frame, go in ((0, 0.0), (FRAMES, -2.4 if towards else 1.6)):
            vehicle.location = (x, y + go, 0)
            vehicle.keyframe_insert("location", frame=frame)
    for x, z, colour in ((-1.6, 4.7, GREEN), (2.5, 4.4, RED), (-0.4, 5.6, GREEN)):
        ball(
            "signal",
            (x, 38.0 + x, z),
            (0.13, 0.05, 0.13),
            glow("signal", colour, 60.0, sampled=False),
        )
    for i in range(16):
        y = 34 + 4.4 * i
        for side in (-1, 1):
            hue = dice.choice([WARM, WARM, AMBER, WHITE])
            ball(
                "street lamp",
                (side * dice.uniform(2.6, 4.2), y, dice.uniform(3.8, 6.0)),
                (0.13, 0.13, 0.09),
                glow("lamp", hue, 90.0, sampled=False),
            )
    tower = principled("tower", (0.02, 0.022, 0.03), 0.8)
    for i in range(9):
        x = -18 + 4.5 * i
        height = dice.uniform(9, 26)
        box("tower", (x, 100, height / 2), (4.2, 4, height), tower)
        for _ in range(26):
            z, dx = dice.uniform(2, height - 1), dice.uniform(-1.8, 1.8)
            hue = dice.choice([WARM, WHITE, (0.6, 0.8, 1.0), AMBER, PINK])
            box(
                "far room",
                (x + dx, 97.9, z),
                (0.3, 0.1, 0.34),
                glow("far room", hue, dice.uniform(3, 14), sampled=False),
            )


def counter() -> None:
    """The bar that the cat sits on, with a bottle, a cup and a lantern over it."""
    wood = worn("counter", (0.16, 0.06, 0.025), 0.22, 9.0, (0.25, 3.0, 3.0))
    box("board", (-0.62, 0.93, 1.06), (1.36, 0.46, 0.05), wood, bevel=0.008)
    box("apron", (-0.66, 0.98, 0.5), (1.3, 0.3, 1.0), wood, bevel=0.01)
    ceramic = principled("cup", (0.03, 0.09, 0.12), 0.15, Coat_Weight=0.6)
    cup = lathe(
        "cup",
        [
            (0.017, 0.0),
            (0.021, 0.004),
            (0.027, 0.02),
            (0.029, 0.045),
            (0.0265, 0.045),
            (0.024, 0.02),
            (0.001, 0.008),
        ],
        ceramic,
        caps=False,
    )
    cup.location = (-0.045, 0.86, 1.085)
    flask = lathe(
        "flask",
        [
            (0.028, 0.0),
            (0.036, 0.008),
            (0.041, 0.05),
            (0.036, 0.085),
            (0.015, 0.115),
            (0.0125, 0.135),
            (0.02, 0.155),
            (0.016, 0.155),
            (0.01, 0.13),
        ],
        ceramic,
        caps=False,
    )
    flask.location = (-0.335, 1.02, 1.085)
    paper_lantern((-0.74, 2.1, 1.66), 0.155, (1.0, 0.085, 0.015), 0.9, "祭")


def lighting() -> None:
    """A blue night sky and three soft lamps out of the picture that model the two subjects."""
    world = bpy.data.worlds.new("night")
    bpy.context.scene.world = world
    world.node_tree.nodes["Background"].inputs["Color"].default_value = (0.035, 0.05, 0.11, 1)
    world.node_tree.nodes["Background"].inputs["Strength"].default_value = SKY

    def lamp(name: str, place: Point, at: Point, size: float, colour: Colour, watts: float) -> None:
        data = bpy.data.lights.new(name, "AREA")
        data.size, data.color, data.energy = size, colour, watts
        thing = add(name, data)
        thing.location = place
        thing.rotation_euler = (Vector(at) - Vector(place)).to_track_quat("-Z", "Y").to_euler()
        thing.visible_camera = False

    lamp("bar", (-0.75, 0.1, 1.95), (-0.2, 0.9, 1.2), 0.35, (1.0, 0.68, 0.43), 21.0)
    lamp("rim", (0.55, 1.7, 1.7), (-0.15, 0.9, 1.2), 0.3, (0.25, 0.6, 1.0), 16.0)
    lamp("shop", (2.8, 4.9, 2.6), (0.9, 5.2, 1.2), 0.8, (0.45, 0.8, 1.0), 130.0)
    lamp("street", (-0.6, 7.8, 1.9), (0.9, 5.2, 1.4), 0.5, (1.0, 0.5, 0.2), 330.0)
    lamp("canopy", (0.8, 6.8, 4.2), (0.9, 5.4, 2.0), 0.6, (1.0, 0.75, 0.55), 260.0)
    lamp("window", (-1.7, 2.7, 2.4), (0.9, 5.2, 1.2), 0.8, (1.0, 0.66, 0.36), 60.0)


def camera() -> None:
    """A slow arc to the right past the cat, looking into the street."""
    data = bpy.data.cameras.new("camera")
    data.sensor_width, data.lens = SENSOR_WIDTH_MM, FOCAL_LENGTH_MM
    data.clip_start, data.clip_end = 0.05, 400.0
    thing = add("camera", data)
    bpy.context.scene.camera = thing
    for frame in range(FRAMES):
        t = frame / (FRAMES - 1)
        ease = t + 0.12 * math.sin(2 * math.pi * t) / (2 * math.pi)
        place = Vector((-0.075 + 0.13 * ease, 0.0 + 0.03 * ease, 1.27 + 0.012 * ease))
        at = Vector((0.045 + 0.02 * ease, 1.3, 1.262))
        thing.location = place
        thing.rotation_euler = (at - place).to_track_quat("-Z", "Y").to_euler()
        for channel in ("location", "rotation_euler"):
            thing.keyframe_insert(channel, frame=frame)


def build() -> None:
    """Makes the whole scene in an empty file."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    street()
    counter()
    cat((-0.17, 0.87, 1.085), 14)
    person((0.86, 5.2, 0.0), -8)
    lighting()
    camera()


# ---------------------------------------------------------------- rendering


def _settings(width: int, height: int) -> Any:
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.render.resolution_x, scene.render.resolution_y = width, height
    scene.render.resolution_percentage = 100
    scene.render.fps = FPS
    scene.render.use_persistent_data = True
    scene.view_settings.view_transform = "Raw"
    image = scene.render.image_settings
    image.file_format, image.color_mode, image.exr_codec = "OPEN_EXR", "RGB", "ZIP"
    return scene


def _distance() -> Any:
    """A material that shines with its distance along the optical axis, in metres."""
    material = bpy.data.materials.new("distance")
    tree = material.node_tree
    tree.nodes.clear()
    seen, shine, out = (
        tree.nodes.new(f"ShaderNode{kind}") for kind in ("CameraData", "Emission", "OutputMaterial")
    )
    tree.links.new(seen.outputs["View Z Depth"], shine.inputs["Strength"])
    tree.links.new(shine.outputs[0], out.inputs["Surface"])
    return material


def render(folder: Path, frames: range, width: int, height: int, samples: int) -> None:
    """Renders colour and depth of ``frames``, skipping pictures that are there already."""
    scene = _settings(width, height)
    cycles = scene.cycles
    cycles.device, cycles.use_adaptive_sampling = "CPU", False
    cycles.pixel_filter_type = "BLACKMAN_HARRIS"
    cycles.max_bounces, cycles.diffuse_bounces, cycles.glossy_bounces = 3, 1, 2
    cycles.transmission_bounces = 2
    cycles.caustics_reflective = cycles.caustics_refractive = False
    cycles.sample_clamp_indirect = 4.0
    cycles.use_light_tree = False
    cycles.denoiser, cycles.denoising_input_passes = "OPENIMAGEDENOISE", "RGB_ALBEDO_NORMAL"
    cycles.denoising_prefilter = "FAST"
    layer = bpy.context.view_layer
    distance = _distance()
    sky = scene.world.node_tree.nodes["Background"].inputs["Strength"]
    for frame in frames:
        scene.frame_set(frame)
        for name, once, material, filter_width, bits in (
            ("colour", samples, None, 1.5, "16"),
            ("depth", 1, distance, 0.01, "32"),
        ):
            picture = folder / f"{name}.{frame:04d}.exr"
            if picture.exists():
                continue
            cycles.samples, cycles.filter_width = once, filter_width
            cycles.use_denoising = material is None
            cycles.film_exposure = EXPOSURE if material is None else 1.0
            layer.material_override = material
            sky.default_value = SKY if material is None else 0.0
            scene.render.image_settings.color_depth = bits
            started = picture.with_suffix(".partial.exr")
            scene.render.filepath = str(started)
            bpy.ops.render.render(write_still=True)
            started.rename(picture)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--frames", default=f"0-{FRAMES - 1}", help="first-last[:step]")
    parser.add_argument("--size", default="960x540")
    parser.add_argument("--samples", type=int, default=9)
    options = parser.parse_args()
    span, _, step = options.frames.partition(":")
    first, _, last = span.partition("-")
    width, height = (int(n) for n in options.size.split("x"))
    options.folder.mkdir(parents=True, exist_ok=True)
    build()
    render(
        options.folder,
        range(int(first), int(last or first) + 1, int(step or 1)),
        width,
        height,
        options.samples,
    )


if __name__ == "__main__":
    main()
