"""Path traces a training world through a thin lens, quickly: one compiled kernel for all worlds.

Everything that differs between worlds lies in buffers (triangles, materials, lights, sky), so that
Dr.Jit compiles once and then only runs. A ray sees its first surface lit by one light and by one
further bounce, which is lit by one light in turn, or by the sky; an ambient term stands for the
rest. Surfaces are diffuse, with a glossy coat where the material says so.

The noise of a dozen samples a pixel is filtered where it arises: light that surfaces receive is
kept apart from their reflectance, and is smoothed along them; texture and outlines are not.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthetic_focus.evaluation.scenes.geometry import Floats
from synthetic_focus.evaluation.scenes.mitsuba_tracer import load_mitsuba
from synthetic_focus.training.scenes.patterns import SIZE, bank
from synthetic_focus.training.scenes.world import View, World

_LEAST_GLOWING_SHARE = 0.3
_CANDIDATES = 4
_CHOICES = 1024  # rows of the table from which a glowing triangle is drawn
_HITS_A_LAMP_PIXEL = 60
_MOST_LAMP_RAYS = 1_000_000
_BRIGHTEST_BOUNCE = 12.0  # of light found by chance, times the ambient level
_DIMENSIONS = 12


@dataclass(frozen=True)
class Lens:
    """A thin lens in front of a sensor; `aperture_radius` in metres, 0 for a pinhole.

    A lens that is focused nearer shows less (it breathes). Pictures that belong together show the
    same, as if they had been aligned: what a lens focused at `framing_distance` shows.
    """

    focal_length_mm: float
    sensor_width_mm: float
    focus_distance: float
    aperture_radius: float
    framing_distance: float

    def pixels_per_slope(self, width: int) -> float:
        """How many pixels a ray of slope 1 lies off the centre of a picture of that width."""
        f, z = self.focal_length_mm, self.framing_distance * 1000
        return width * f * z / (z - f) / self.sensor_width_mm


@dataclass(frozen=True)
class _Sums:
    """What the kernel returns, mean over a pixel's samples: (H, W, 3), and guides (H, W, 4)."""

    reflectance: Floats
    diffuse: Floats
    glow: Floats
    coating: Floats
    guide: Floats


class Tracer:
    """Mitsuba and the patterns; one a process. Raises RayTracerMissingError."""

    def __init__(self) -> None:
        self._mi = load_mitsuba()
        import drjit as dr

        self._dr = dr
        # A core each: small pictures keep several threads waiting for one another
        dr.set_thread_count(1)
        patterns = bank()
        self._bank = self._mi.UInt32(patterns.ravel())
        self._third = ((patterns >> 16) & 255).mean((1, 2)) / 255
        self._ratios = _ratios(_DIMENSIONS)

    def load(self, world: World) -> "LoadedWorld":
        """Builds the world's search tree and its buffers."""
        return LoadedWorld(self, world)


class LoadedWorld:
    """A world that is ready to be photographed."""

    def __init__(self, tracer: Tracer, world: World) -> None:
        mi, dr = tracer._mi, tracer._dr
        self._tracer, self._mi, self._dr, self.world = tracer, mi, dr, world
        count = len(world.corners)
        shape = mi.Mesh("world", count, count // 3)
        parameters = mi.traverse(shape)
        parameters["vertex_positions"] = mi.Float(world.corners.ravel())
        parameters["faces"] = mi.UInt32(np.arange(count, dtype=np.uint32))
        parameters.update()
        self._scene = mi.load_dict({"type": "scene", "world": shape})
        corner = np.zeros((count, 8), np.float32)
        corner[:, :3], corner[:, 4:6] = world.normals, world.uv
        corner[:, 3] = world.material.repeat(3)
        self._corners = mi.Float(corner.ravel())
        self._materials = mi.Float(world.materials.ravel())
        sky = np.zeros((*world.light.sky.shape[:2], 4), np.float32)
        sky[..., :3] = world.light.sky
        self._sky = mi.Float(sky.ravel())
        table, any_glow = _emitters(world, tracer._third)
        self._emitters = mi.Float(table.ravel())
        sun = bool(world.light.sun.max() > 0)
        self._sun_share = self._opaque(1.0 if not any_glow else 0.5 if sun else 0.0)
        self._sun = self._opaque3(world.light.sun)
        self._sun_way = self._opaque3(world.light.sun_direction)
        self._sun_disc = self._opaque(float(world.light.sun_visible))
        self._ambient = self._opaque3(world.light.ambient)
        self._haze = self._opaque3(world.light.fog[0])
        self._extinction = self._opaque(world.light.fog[1])

    def _opaque(self, value: float) -> Any:
        return self._dr.opaque(self._mi.Float, float(value))

    def _opaque3(self, values: Any) -> Any:
        return self._mi.Vector3f(*(self._opaque(value) for value in np.asarray(values).ravel()))

    def _camera(self, view: View, lens: Lens, size: tuple[int, int]) -> dict[str, Any]:
        rotation = view.rotation
        width, height = size
        return {
            "axes": [self._opaque3(rotation[:, axis]) for axis in range(3)],
            "place": self._opaque3(view.position),
            "slope": self._opaque(lens.pixels_per_slope(width)),
            "focus": self._opaque(lens.focus_distance),
            "pupil": self._opaque(lens.aperture_radius),
            "centre": (self._opaque(width / 2), self._opaque(height / 2)),
            "width": self._dr.opaque(self._mi.UInt32, width),
        }

    def _ray(self, camera: dict[str, Any], column: Any, row: Any, x: Any, y: Any) -> Any:
        """From a place on the lens (metres) through what a place in the picture focuses on.

        The direction's length along the axis is 1, so that a ray's parameter is the depth.
        """
        mi = self._mi
        right, up, back = camera["axes"]
        across = (column - camera["centre"][0]) / camera["slope"] - x / camera["focus"]
        rise = (camera["centre"][1] - row) / camera["slope"] - y / camera["focus"]
        return mi.Ray3f(camera["place"] + right * x + up * y, right * across + up * rise - back)

    def _look_up_sky(self, way: Any, jitter: Any) -> Any:
        mi, dr = self._mi, self._dr
        rows, columns = self.world.light.sky.shape[:2]
        elevation = dr.asin(dr.clip(way.y, -1, 1)) / dr.pi + 0.5
        azimuth = dr.atan2(way.x, -way.z) / dr.two_pi + 0.5
        row = dr.clip(elevation * rows + jitter.y - 0.5, 0, rows - 1)
        column = dr.clip(azimuth * columns + jitter.x - 0.5, 0, columns - 1)
        found = dr.gather(mi.Vector4f, self._sky, mi.UInt32(row) * columns + mi.UInt32(column))
        return mi.Vector3f(found.x, found.y, found.z)

    def _surface(self, ray: Any, active: Any, jitter: Any) -> dict[str, Any]:
        """What a ray meets: place, normal towards the ray, and the material there."""
        mi, dr = self._mi, self._dr
        hit = self._scene.ray_intersect_preliminary(ray, coherent=False, active=active)
        found = hit.is_valid() & active
        b1, b2 = hit.prim_uv.x, hit.prim_uv.y
        weights = (1 - b1 - b2, b1, b2)
        normal, u, v, kind = mi.Vector3f(0), mi.Float(0), mi.Float(0), mi.UInt32(0)
        for corner, weight in enumerate(weights):
            index = (hit.prim_index * 3 + corner) * 2
            one = dr.gather(mi.Vector4f, self._corners, index, found)
            two = dr.gather(mi.Vector4f, self._corners, index + 1, found)
            normal += mi.Vector3f(one.x, one.y, one.z) * weight
            u += two.x * weight
            v += two.y * weight
            kind = mi.UInt32(one.w)
        row = [dr.gather(mi.Vector4f, self._materials, kind * 5 + k, found) for k in range(5)]
        normal = dr.normalize(normal)
        normal = dr.select(dr.dot(normal, ray.d) > 0, -normal, normal)
        x, y = u * row[1].w, v * row[2].w
        column = mi.UInt32(mi.Int32(dr.floor((x - dr.floor(x)) * SIZE + jitter.x)) & (SIZE - 1))
        line = mi.UInt32(mi.Int32(dr.floor((y - dr.floor(y)) * SIZE + jitter.y)) & (SIZE - 1))
        texel = dr.gather(
            mi.UInt32,
            self._tracer._bank,
            (mi.UInt32(row[0].w) * SIZE + line) * SIZE + column,
            found,
        )
        second, third, shade = (mi.Float((texel >> n) & 255) / 255 for n in (0, 8, 16))
        first = 1 - second - third
        colours = [mi.Vector3f(r.x, r.y, r.z) for r in row[:4]]
        return {
            "found": found,
            "t": hit.t,
            "place": ray(hit.t),
            "normal": normal,
            "reflectance": (colours[0] * first + colours[1] * second + colours[2] * third) * shade,
            "glow": colours[3] * third,
            "gloss": row[3].w,
            "roughness": row[4].x,
            "metal": row[4].y,
            "lamp": row[4].z,
        }

    def _direct(
        self, place: Any, normal: Any, active: Any, random: list[Any], candidates: int
    ) -> Any:
        """What a white surface would reflect of one light, drawn at random."""
        mi, dr = self._mi, self._dr
        share = self._sun_share
        of_sun = random[0] < share
        rest = dr.clip((random[0] - share) / dr.maximum(1 - share, 1e-6), 0, 0.999999)
        root = dr.sqrt(random[1])
        a, b = root * (1 - random[2]), root * random[2]
        # Of several candidates, one is kept by what it would add were it not hidden
        kept, kept_way, kept_square = mi.Vector3f(0), mi.Vector3f(0, 1, 0), mi.Float(1)
        total, draw = mi.Float(0), random[2] * 977 - dr.floor(random[2] * 977)
        for number in range(candidates):
            row = mi.UInt32((rest + number) * (_CHOICES / candidates)) * 4
            corner, side, other, power = (
                dr.gather(mi.Vector4f, self._emitters, row + k, active & ~of_sun) for k in range(4)
            )
            across = mi.Vector3f(side.x, side.y, side.z)
            along = mi.Vector3f(other.x, other.y, other.z)
            way = mi.Vector3f(corner.x, corner.y, corner.z) + across * a + along * b - place
            square = dr.maximum(dr.squared_norm(way), 0.04)
            unit = way * dr.rsqrt(square)
            facing = dr.abs(dr.dot(unit, dr.normalize(dr.cross(across, along))))
            facing *= dr.maximum(dr.dot(normal, unit), 0) / square * dr.inv_pi
            # power is radiance times the triangle's area over its chance
            light = mi.Vector3f(power.x, power.y, power.z) * facing
            weight = dr.mean(light)
            total += weight
            take = draw * total < weight
            draw = dr.select(
                take,
                draw * total / dr.maximum(weight, 1e-12),
                (draw * total - weight) / dr.maximum(total - weight, 1e-12),
            )
            draw = dr.clip(draw, 0, 0.999999)
            kept = dr.select(take, light, kept)
            kept_way, kept_square = (
                dr.select(take, unit, kept_way),
                dr.select(take, square, kept_square),
            )
        local = kept * total / dr.maximum(dr.mean(kept) * candidates, 1e-12)
        local /= dr.maximum(1 - share, 1e-6)
        blur = mi.Vector3f(random[1] - 0.5, random[2] - 0.5, random[1] - random[2]) * 0.012
        towards = dr.select(of_sun, self._sun_way + blur, kept_way)
        cosine = dr.dot(normal, towards)
        active &= cosine > 0
        reach = dr.select(of_sun, 1e5, dr.sqrt(kept_square) * (1 - 2e-3) - 1e-3)
        shadow = mi.Ray3f(place, towards, reach, 0.0, mi.Color0f())
        active &= ~self._scene.ray_test(shadow, coherent=False, active=active)
        return dr.select(
            active, dr.select(of_sun, self._sun * cosine / dr.maximum(share, 1e-6), local), 0
        )

    def _kernel(self, camera: dict[str, Any], pixel: Any, random: list[Any]) -> list[Any]:
        mi, dr = self._mi, self._dr
        jitter = mi.Vector2f(random[8], random[9])
        row = pixel // camera["width"]
        column = pixel - row * camera["width"]
        disk = mi.warp.square_to_uniform_disk_concentric(mi.Point2f(random[2], random[3]))
        lens = disk * camera["pupil"]
        ray = self._ray(
            camera, mi.Float(column) + random[0], mi.Float(row) + random[1], lens.x, lens.y
        )
        seen = self._surface(ray, mi.Bool(True), jitter)
        found, normal = seen["found"], seen["normal"]
        unit = dr.normalize(ray.d)
        place = seen["place"] + normal * (2e-4 + 4e-4 * seen["t"])
        direct = self._direct(place, normal, mi.Bool(found), random[4:7], _CANDIDATES)
        # The coat reflects by Schlick's approximation
        gloss, cosine = seen["gloss"], -dr.dot(normal, unit)
        grazing = dr.clip(1 - cosine, 0, 1)
        coat = dr.select(gloss > 0, gloss + (1 - gloss) * grazing**5 * 0.8, 0)
        mirrored = random[7] < coat
        ball = mi.warp.square_to_uniform_sphere(mi.Point2f(random[10], random[11]))
        off = dr.select(
            mirrored, unit + normal * (2 * cosine) + ball * seen["roughness"], normal + ball * 0.999
        )
        off = dr.normalize(off)
        go = found & (dr.dot(off, normal) > 0)
        next_ray = mi.Ray3f(place, off)
        met = self._surface(next_ray, mi.Bool(go), jitter)
        again = met["found"]
        spot = met["place"] + met["normal"] * (2e-4 + 4e-4 * met["t"])
        second = [random[k] + 0.5 - dr.floor(random[k] + 0.5) for k in (5, 6, 4)]
        arriving = self._direct(spot, met["normal"], mi.Bool(again), second, 1)
        bounced = met["reflectance"] * (arriving + self._ambient)
        bounced += dr.select(mirrored, met["glow"], 0)
        sun_seen = dr.dot(off, self._sun_way) > 0.998
        glint = dr.select(mirrored & sun_seen, self._sun * 100, 0) * self._sun_disc
        # Light found by chance is cut before it becomes a speck; the sky is found always
        level = (self._ambient + dr.mean(self._sun) + 0.05) * _BRIGHTEST_BOUNCE
        sky = self._look_up_sky(off, jitter) + dr.minimum(glint, level)
        bounced = dr.select(again, dr.minimum(bounced, level), dr.select(go, sky, 0))
        tint = dr.lerp(mi.Vector3f(1), seen["reflectance"], seen["metal"])
        clear = dr.exp(-self._extinction * seen["t"] * dr.norm(ray.d))
        clear = dr.select(found, clear, 0)
        reflectance = seen["reflectance"] * clear * (1 - seen["metal"])
        received = direct * (1 - coat) + dr.select(mirrored, 0, bounced)
        # The sky is hazy where fog is, most at the horizon
        depth_of_air = dr.minimum(1 / dr.maximum(unit.y, 1e-2), 100) * 80
        above = dr.exp(-self._extinction * depth_of_air)
        disc = dr.select(dr.dot(unit, self._sun_way) > 0.9997, self._sun * 300, 0)
        behind = (self._look_up_sky(unit, jitter) + disc * self._sun_disc) * above
        glow = dr.select(found, seen["glow"] * (1 - seen["lamp"]) * clear, behind)
        glow += self._haze * (1 - dr.select(found, clear, above))
        coating = dr.select(found & mirrored, bounced * tint * clear, 0)
        guide = [*dr.select(found, normal, 0), dr.select(found, dr.rcp(seen["t"]), 0)]
        # `reflectance` below divides the light out again, so it must not vanish
        return [*(reflectance + 1e-3), *((reflectance + 1e-3) * received), *glow, *coating, *guide]

    def _sums(
        self, view: View, lens: Lens, size: tuple[int, int], samples: int, seed: int
    ) -> _Sums:
        mi, dr = self._mi, self._dr
        width, height = size
        pixels = width * height
        lane = dr.arange(mi.UInt32, pixels * samples)
        pixel = lane // samples
        sample = lane - pixel * samples
        state = (pixel * 747796405 + dr.opaque(mi.UInt32, seed & 0xFFFFFFFF)) * 2891336453
        random = []
        for ratio in self._tracer._ratios:
            # PCG's output permutation makes the shift of every dimension in every pixel
            state = state * 747796405 + 2891336453
            word = ((state >> ((state >> 28) + 4)) ^ state) * 277803737
            word = (word >> 22) ^ word
            number = word + sample * int(ratio)
            random.append(mi.Float(number >> 8) * 2.0**-24)
        camera = self._camera(view, lens, size)
        channels = self._kernel(camera, pixel, random)
        # At once: each sum would else trace all rays anew
        dr.eval(channels)
        sums = [dr.block_sum(channel, samples) for channel in channels]
        dr.eval(sums)
        found = np.stack([np.array(channel) for channel in sums], -1).reshape(height, width, -1)
        found /= np.float32(samples)
        return _Sums(
            found[..., :3], found[..., 3:6], found[..., 6:9], found[..., 9:12], found[..., 12:]
        )

    def picture(
        self, view: View, lens: Lens, size: tuple[int, int], samples: int, seed: int
    ) -> Floats:
        """The radiance (H, W, 3) of a picture of size (width, height)."""
        sums = self._sums(view, lens, size, samples, seed)
        received = _smoothed(sums.diffuse / sums.reflectance, sums.guide)
        radiance = received * sums.reflectance + sums.glow
        if sums.coating.any():
            radiance = radiance + _smoothed(sums.coating, sums.guide)
        if len(self.world.lamps):
            radiance = radiance + self._lamp_light(view, lens, size, seed)
        return np.asarray(radiance, np.float32)

    def surfaces(
        self, view: View, lens: Lens, size: tuple[int, int]
    ) -> tuple[Floats, NDArray[np.int64]]:
        """What the pixels' centres show: inverse depths (H, W) in dioptres, and triangles (H, W).

        Where nothing is the inverse depth is 0 and the triangle -1.
        """
        mi, dr = self._mi, self._dr
        width, height = size
        camera = self._camera(view, lens, size)
        pixel = dr.arange(mi.UInt32, width * height)
        row = pixel // camera["width"]
        column = pixel - row * camera["width"]
        ray = self._ray(camera, mi.Float(column) + 0.5, mi.Float(row) + 0.5, 0.0, 0.0)
        hit = self._scene.ray_intersect_preliminary(ray, coherent=True)
        near = dr.select(hit.is_valid(), dr.rcp(hit.t), 0)
        triangle = dr.select(hit.is_valid(), mi.Int32(hit.prim_index), -1)
        dr.eval(near, triangle)
        return (
            np.array(near).reshape(height, width),
            np.array(triangle).astype(np.int64).reshape(height, width),
        )

    def disparity(self, view: View, lens: Lens, size: tuple[int, int]) -> Floats:
        """Inverse depths (H, W) in dioptres at the pixels' centres; 0 where nothing is."""
        return self.surfaces(view, lens, size)[0]

    def sees(
        self, place: tuple[float, float, float], points: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        """Which points (N, 3) on surfaces nothing hides from `place`."""
        mi = self._mi
        way = (points - np.asarray(place)).T.astype(np.float32)
        ray = mi.Ray3f(mi.Point3f(*place), mi.Vector3f(*way), 1 - 1e-3, 0.0, mi.Color0f())
        return ~np.array(self._scene.ray_test(ray, coherent=False, active=True))

    def _lamp_light(
        self, view: View, lens: Lens, size: tuple[int, int], seed: int
    ) -> NDArray[np.float64]:
        """What the lamps add, by joining points on the lamp and on the lens.

        Rays that start at the pixels would find so small a light too seldom for an even disc.
        """
        mi = self._mi
        width, height = size
        lamps = self.world.lamps.astype(np.float64)
        local = (lamps[:, :3] - np.asarray(view.position)) @ view.rotation
        ahead = local[:, 2] < -0.05
        local, lamps = local[ahead], lamps[ahead]
        if not len(lamps):
            return np.zeros((height, width, 3))
        slope, depth = lens.pixels_per_slope(width), -local[:, 2]
        image = lamps[:, 3] * slope / depth
        blur = lens.aperture_radius * slope * abs(1 / lens.focus_distance - 1 / depth)
        outside = np.maximum(
            abs(local[:, 0] / depth) * slope - width / 2 - blur - image,
            abs(local[:, 1] / depth) * slope - height / 2 - blur - image,
        )
        wanted = np.where(outside > 0, 0, np.pi * (blur + image + 1) ** 2 * _HITS_A_LAMP_PIXEL)
        share = min(1.0, _MOST_LAMP_RAYS / max(wanted.sum(), 1))
        counts = np.where(outside > 0, 0, np.maximum(wanted * share, 256)).astype(int)
        if not counts.sum():
            return np.zeros((height, width, 3))
        rng = np.random.default_rng(seed)
        which = np.repeat(np.arange(len(lamps)), counts)
        total = len(which)
        points = []
        for radius in (np.full(total, lens.aperture_radius), lamps[which, 3]):
            angle, reach = rng.random(total) * 2 * np.pi, np.sqrt(rng.random(total)) * radius
            points += [reach * np.cos(angle), reach * np.sin(angle)]
        lens_x, lens_y, spot_x, spot_y = points
        way = local[which] + np.stack([spot_x - lens_x, spot_y - lens_y, 0 * lens_x], 1)
        far = np.linalg.norm(way, axis=1)
        start = np.stack([lens_x, lens_y, 0 * lens_x], 1) @ view.rotation.T + view.position
        ray = mi.Ray3f(
            mi.Point3f(*start.T.astype(np.float32)),
            mi.Vector3f(*(way @ view.rotation.T).T.astype(np.float32)),
            mi.Float((1 - 1.5 * lamps[which, 3] / far - 1e-4).astype(np.float32)),
            0.0,
            mi.Color0f(),
        )
        seen = ~np.array(self._scene.ray_test(ray, coherent=False, active=True))
        across, rise = way[:, 0] / -way[:, 2], way[:, 1] / -way[:, 2]
        column = np.floor(width / 2 + slope * (lens_x / lens.focus_distance + across)).astype(int)
        row = np.floor(height / 2 - slope * (lens_y / lens.focus_distance + rise)).astype(int)
        seen &= (column >= 0) & (column < width) & (row >= 0) & (row < height)
        each = (np.pi * image**2 / np.maximum(counts, 1))[:, None] * lamps[:, 4:]
        clear = np.exp(-self.world.light.fog[1] * far[seen])
        place = row[seen] * width + column[seen]
        return (
            np.stack(
                [
                    np.bincount(place, each[which[seen], k] * clear, width * height)
                    for k in range(3)
                ],
                -1,
            )
            .astype(np.float64)
            .reshape(height, width, 3)
        )


def _ratios(dimensions: int) -> NDArray[np.uint32]:
    """Roberts's low-discrepancy sequence: the step of each dimension, as a share of 2^32."""
    root = 2.0
    for _ in range(64):  # x^(d + 1) = x + 1
        root = (1 + root) ** (1 / (dimensions + 1))
    steps = np.array([(1 / root) ** (k + 1) % 1 for k in range(dimensions)])
    return np.asarray(steps * 2.0**32, np.uint32)


def _emitters(world: World, third: NDArray[np.float64]) -> tuple[Floats, bool]:
    """A table (1024, 16) to draw a glowing triangle from: a corner, two sides, its power."""
    glow = world.materials[:, 12:15] * third[world.materials[:, 3].astype(int), None]
    # What glows in part only (windows of houses) is seen, and lights by the ambient term
    glow[third[world.materials[:, 3].astype(int)] < _LEAST_GLOWING_SHARE] = 0
    shining = np.flatnonzero(glow[world.material].max(1) > 0)
    table = np.zeros((_CHOICES, 16), np.float32)
    table[:, 4], table[:, 9] = 1, 1
    if not len(shining):
        return table, False
    corners = world.corners.reshape(-1, 3, 3)[shining].astype(np.float64)
    side, other = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area = 0.5 * np.linalg.norm(np.cross(side, other), axis=1)
    radiance = glow[world.material[shining]]
    # Large panels would else leave nothing for the small lamps beside them
    power = np.sqrt(area * radiance.mean(1)) + 1e-9
    bounds = np.cumsum(power) / power.sum()
    chosen = np.searchsorted(bounds, (np.arange(_CHOICES) + 0.5) / _CHOICES)
    chosen = np.minimum(chosen, len(shining) - 1)
    chance = np.bincount(chosen, minlength=len(shining))[chosen] / _CHOICES
    table[:, 0:3], table[:, 4:7], table[:, 8:11] = corners[chosen, 0], side[chosen], other[chosen]
    table[:, 12:15] = radiance[chosen] * (area[chosen] / chance)[:, None]
    return table, True


def _smoothed(light: Floats, guide: Floats) -> Floats:
    """Light (H, W, 3) smoothed along surfaces; guide: normal and inverse depth (H, W, 4).

    An edge-avoiding wavelet filter (Dammertz et al. 2010), after single bright samples are cut to
    what is around them.
    """
    import cv2

    typical = cv2.medianBlur(np.ascontiguousarray(light), 5)
    light = np.minimum(light, 2.5 * typical + 0.02 * light.mean())
    normal, near = guide[..., :3], guide[..., 3]
    features = np.dstack([normal * 4, np.log(near + 1e-3)[..., None] * 12])
    height, width = near.shape
    for step in (1, 2, 4):
        pad = ((step, step), (step, step), (0, 0))
        wide_light = np.pad(light, pad, mode="edge")
        wide = np.pad(features, pad, mode="edge")
        tone = np.log(cv2.blur(light.mean(-1), (3, 3)) + 0.02 * light.mean() + 1e-6)
        wide_tone = np.pad(tone, step, mode="edge")
        total, weights = light.copy(), np.ones((height, width, 1), np.float32)
        for dy in (-step, 0, step):
            for dx in (-step, 0, step):
                if dx == dy == 0:
                    continue
                part = (
                    slice(step + dy, step + dy + height),
                    slice(step + dx, step + dx + width),
                )
                apart = ((wide[part] - features) ** 2).sum(-1)
                apart += 2.0 * (wide_tone[part] - tone) ** 2
                weight = np.exp(-apart)[..., None]
                total += wide_light[part] * weight
                weights += weight
        light = total / weights
    return np.asarray(light, np.float32)
