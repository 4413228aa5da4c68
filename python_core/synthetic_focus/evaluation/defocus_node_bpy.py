"""Times Blender's Defocus node; run by an interpreter that has `bpy`.

    python defocus_node_bpy.py FRAME.npz RADIUS

Prints the seconds that compositing the frame takes with the node, less those without it.
"""

import sys
import time
from pathlib import Path
from typing import Any

import bpy
import numpy as np


def image_node(tree: Any, name: str, pixels: Any) -> Any:
    """A compositor node that gives a picture (H, W, 4)."""
    height, width = pixels.shape[:2]
    image = bpy.data.images.new(name, width, height, alpha=True, float_buffer=True, is_data=True)
    image.pixels.foreach_set(np.ascontiguousarray(pixels[::-1], np.float32).ravel())
    node = tree.nodes.new("CompositorNodeImage")
    node.image = image
    return node


def render_seconds() -> float:
    """One run of the compositor."""
    start = time.perf_counter()
    bpy.ops.render.render()
    return time.perf_counter() - start


def main(frame: Path, radius: float) -> None:
    """Builds the node tree and times it with the node and without."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    arrays = np.load(frame)
    height, width = arrays["coc"].shape
    scene.render.resolution_x, scene.render.resolution_y = width, height
    scene.render.engine = "BLENDER_WORKBENCH"
    scene.render.threads_mode, scene.render.threads = "FIXED", 2
    scene.camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    scene.collection.objects.link(scene.camera)
    tree = bpy.data.node_groups.new("defocus", "CompositorNodeTree")
    tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
    scene.compositing_node_group = tree
    picture = image_node(tree, "picture", arrays["image"])
    size = np.repeat(np.abs(arrays["coc"])[..., None] / radius, 4, axis=2)
    sizes = image_node(tree, "size", size)
    output = tree.nodes.new("NodeGroupOutput")
    tree.links.new(picture.outputs["Image"], output.inputs["Image"])
    render_seconds()
    without = render_seconds()
    node = tree.nodes.new("CompositorNodeDefocus")
    node.use_zbuffer = False
    node.z_scale = radius
    node.blur_max = radius
    tree.links.new(picture.outputs["Image"], node.inputs["Image"])
    tree.links.new(sizes.outputs["Image"], node.inputs["Z"])
    tree.links.new(node.outputs["Image"], output.inputs["Image"])
    print(render_seconds() - without)


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
