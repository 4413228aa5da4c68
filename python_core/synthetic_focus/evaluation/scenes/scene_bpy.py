"""Renders one scene with Blender's Cycles; run by an interpreter that has `bpy`.

    python scene_bpy.py SCENE.npz FOLDER WIDTH HEIGHT SAMPLES

SCENE.npz comes from `blender_tracer`. Writes deep1.exr, deep2.exr, shallow1.exr, shallow2.exr (two
halves of the samples each) and depth.exr (0 where nothing is). Light is a constant ambient glow and
hard point lights, so that the lens and the pixel are all that is left to chance.
"""

import json
import math
import sys
from pathlib import Path
from typing import Any

import bpy
import numpy as np


def material(name: str, texture: Any) -> Any:
    """Diffuse, plus its reflectance times the ambient light as a glow."""
    made = bpy.data.materials.new(name)
    made.use_nodes = True
    made.cycles.emission_sampling = "NONE"
    nodes, links = made.node_tree.nodes, made.node_tree.links
    nodes.clear()
    if texture is None:
        colour = nodes.new("ShaderNodeVertexColor")
        colour.layer_name = "reflectance"
    else:
        height, width = texture.shape[:2]
        image = bpy.data.images.new(name, width, height, float_buffer=True, is_data=True)
        rgba = np.dstack([texture[::-1], np.ones((height, width), np.float32)])
        image.pixels.foreach_set(rgba.astype(np.float32).ravel())
        colour = nodes.new("ShaderNodeTexImage")
        colour.image = image
    diffuse, glow = nodes.new("ShaderNodeBsdfDiffuse"), nodes.new("ShaderNodeEmission")
    tint, both = nodes.new("ShaderNodeMix"), nodes.new("ShaderNodeAddShader")
    tint.data_type, tint.blend_type = "RGBA", "MULTIPLY"
    tint.inputs["Factor"].default_value = 1.0
    tint.inputs["B"].default_value = (*FACTS["sky"], 1.0)
    links.new(colour.outputs["Color"], diffuse.inputs["Color"])
    links.new(colour.outputs["Color"], tint.inputs["A"])
    links.new(tint.outputs["Result"], glow.inputs["Color"])
    links.new(diffuse.outputs[0], both.inputs[0])
    links.new(glow.outputs[0], both.inputs[1])
    links.new(both.outputs[0], nodes.new("ShaderNodeOutputMaterial").inputs["Surface"])
    return made


def emission(name: str, radiance: Any) -> Any:
    """A surface that glows evenly."""
    made = bpy.data.materials.new(name)
    made.use_nodes = True
    made.cycles.emission_sampling = "NONE"
    nodes = made.node_tree.nodes
    nodes.clear()
    glow = nodes.new("ShaderNodeEmission")
    glow.inputs["Color"].default_value = (*radiance, 1.0)
    output = nodes.new("ShaderNodeOutputMaterial")
    made.node_tree.links.new(glow.outputs[0], output.inputs["Surface"])
    return made


def depth_material() -> Any:
    """Glows with the depth along the optical axis, in metres."""
    made = emission("depth", (1.0, 1.0, 1.0))
    nodes = made.node_tree.nodes
    depth = nodes.new("ShaderNodeCameraData")
    glow = next(node for node in nodes if node.type == "EMISSION")
    made.node_tree.links.new(depth.outputs["View Z Depth"], glow.inputs["Strength"])
    return made


def add_mesh(name: str, vertices: Any, faces: Any, uv: Any, colour: Any, look: Any) -> None:
    """A triangle mesh with its material."""
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(vertices.tolist(), [], faces.tolist())
    layer = mesh.uv_layers.new(name="uv")
    layer.data.foreach_set("uv", uv[faces.ravel()].astype(np.float32).ravel())
    tints = mesh.color_attributes.new("reflectance", "FLOAT_COLOR", "POINT")
    rgba = np.column_stack([colour, np.ones(len(colour), np.float32)])
    tints.data.foreach_set("color", rgba.astype(np.float32).ravel())
    mesh.materials.append(look)
    thing = bpy.data.objects.new(name, mesh)
    # Cycles follows one more ray to find glowing things, which is chance again
    thing.visible_diffuse = False
    bpy.context.scene.collection.objects.link(thing)


def build(scene_file: Any) -> None:
    """Everything but the camera."""
    for index in range(FACTS["surfaces"]):
        part = {key: scene_file[f"{key}{index}"] for key in ("vertices", "faces", "uv", "colour")}
        texture = scene_file.get(f"texture{index}")
        add_mesh(f"surface{index}", **part, look=material(f"surface{index}", texture))
    angle = np.linspace(0, 2 * np.pi, 65)[:-1]
    fan = np.array([[0, i, i % 64 + 1] for i in range(1, 65)])
    for index, lamp in enumerate(FACTS["lamps"]):
        ring = np.stack([np.cos(angle), np.sin(angle), 0 * angle], 1) * lamp["radius"]
        vertices = np.concatenate([np.zeros((1, 3)), ring]) + np.array(lamp["position"])
        look = emission(f"lamp{index}", lamp["radiance"])
        add_mesh(f"lamp{index}", vertices, fan, vertices[:, :2], np.ones((65, 3)), look)
    for index, light in enumerate(FACTS["lights"]):
        data = bpy.data.lights.new(f"light{index}", "POINT")
        strongest = max(light["intensity"])
        data.energy = strongest * 4 * math.pi**2
        data.color = [value / strongest for value in light["intensity"]]
        data.shadow_soft_size = 0.0
        thing = bpy.data.objects.new(data.name, data)
        thing.location = light["position"]
        bpy.context.scene.collection.objects.link(thing)
    world = bpy.data.worlds.new("black")
    world.use_nodes = True
    world.node_tree.nodes["Background"].inputs["Strength"].default_value = 0.0
    bpy.context.scene.world = world


def add_camera() -> Any:
    """The lens focused as `gallery.Camera` says; Blender's own lens does not breathe."""
    lens = FACTS["camera"]
    data = bpy.data.cameras.new("camera")
    data.sensor_width = lens["sensor_width_mm"]
    data.lens = lens["image_distance_mm"]
    data.clip_start = 0.001
    data.dof.focus_distance = lens["focus_distance"]
    data.dof.aperture_fstop = lens["image_distance_mm"] / (2000 * lens["aperture_radius"])
    data.dof.aperture_blades = lens["blades"]
    data.dof.aperture_rotation = math.radians(lens["rotation_deg"])
    data.dof.aperture_ratio = lens["squeeze"]
    camera = bpy.data.objects.new("camera", data)
    bpy.context.scene.collection.objects.link(camera)
    bpy.context.scene.camera = camera
    return data


def render(path: Path, samples: int, seed: int) -> None:
    """One picture, scene-linear, into an EXR."""
    scene = bpy.context.scene
    scene.cycles.samples = samples
    scene.cycles.seed = seed
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)
    print(f"{path.stem} {samples}", flush=True)


def main(folder: Path, size: tuple[int, int], samples: int) -> None:
    """Builds the scene and renders its five pictures."""
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.render.resolution_x, scene.render.resolution_y = size
    scene.render.image_settings.file_format = "OPEN_EXR"
    scene.render.image_settings.color_mode = "RGB"
    scene.render.image_settings.color_depth = "32"
    scene.cycles.use_denoising = False
    scene.cycles.use_adaptive_sampling = False
    scene.cycles.max_bounces = 0
    scene.cycles.sample_clamp_direct = 0.0
    scene.cycles.pixel_filter_type = "BOX"
    scene.cycles.filter_width = 1.0
    camera = add_camera()
    for name in ("deep", "shallow"):
        camera.dof.use_dof = name == "shallow"
        for half in (1, 2):
            render(folder / f"{name}{half}.exr", samples // 2, half)
    camera.dof.use_dof = False
    scene.cycles.filter_width = 0.01
    bpy.context.view_layer.material_override = depth_material()
    render(folder / "depth.exr", 1, 0)


if __name__ == "__main__":
    bpy.ops.wm.read_factory_settings(use_empty=True)
    archive = np.load(sys.argv[1])
    FACTS = json.loads(str(archive["facts"]))
    build(archive)
    main(Path(sys.argv[2]), (int(sys.argv[3]), int(sys.argv[4])), int(sys.argv[5]))
