"""Making one scene's rasters: strips, then cloud-optimised GeoTIFFs, then their names."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np

from geosemimtl.errors import OutputError
from geosemimtl.files import REMEDY
from geosemimtl.inference.choosing import Chosen
from geosemimtl.inference.journal import Journal
from geosemimtl.inference.options import PredictOptions
from geosemimtl.inference.planning import strips_left
from geosemimtl.inference.setup import Sizes
from geosemimtl.inference.streaming import Clock, Job
from geosemimtl.inference.workers import Workers
from geosemimtl.machine import peak_memory_mb
from geosemimtl.progress import Pixels, Track
from geosemimtl.raster.cog import RawRaster, publish


@dataclass(frozen=True, slots=True)
class Prediction:
    """What was made of a scene.

    Attributes:
        scene: The scene's file.
        rasters: By name: ``segmentation`` (uint8, nodata 255), ``height`` (float32 metres, nodata
            -9999), and as asked for ``confidence`` (uint8 per cent, nodata 255),
            ``probabilities`` (uint8, 250 is certain, nodata 255) and ``disagreement`` (float32,
            nodata -9999).
        pixels: Pixels of each.
        seconds: That it took: ``total``, and as far as others had to wait for it ``read``,
            ``forward``, ``blend``, ``resample``, ``write`` and ``cog``.
        peak_memory_mb: The most memory that this process had held by then; ``None`` where nobody
            tells.
    """

    scene: Path
    rasters: dict[str, Path]
    pixels: int
    seconds: dict[str, float]
    peak_memory_mb: float | None

    @property
    def speed(self) -> float:
        """Megapixels a second, from file to file."""
        return self.pixels / 1e6 / max(self.seconds["total"], 1e-9)


def make_rasters(
    chosen: Chosen,
    options: PredictOptions,
    sizes: Sizes,
    folder: Path,
    workers: Workers,
    track: Track,
) -> Prediction:
    """Predict a scene, or go on where an earlier run was.

    Args:
        chosen: The scene.
        options: How to predict.
        sizes: As settled.
        folder: Where the work is kept.
        workers: Who predicts.
        track: Shows progress.

    Raises:
        GeoSemiMTLError: As :func:`geosemimtl.inference.predictor.predict`.
    """
    begun = time.perf_counter()
    journal, clock = Journal(folder), Clock()
    job = Job(chosen.pixels, chosen.plan, chosen.outputs, options.window, *sizes, folder)
    if not (journal.is_whole or journal.is_done):
        journal.mend()
        _require_room(job, journal)
        _run(job, journal, workers, clock, track)
        with clock("cog"):
            _copy(job, options.compress)
        journal.set_whole()
    if not journal.is_done:
        _publish(job, chosen)
        journal.set_done()
    seconds = {"total": time.perf_counter() - begun, **clock.seconds}
    pixels = prod(chosen.plan.output.shape)
    return Prediction(chosen.pixels.scene.path, chosen.paths, pixels, seconds, peak_memory_mb())


def _require_room(job: Job, journal: Journal) -> None:
    """Refuse to begin what the disk cannot hold."""
    if journal.sealed:
        return  # it was checked then
    pixels = prod(job.plan.output.shape)
    kinds = [job.outputs.raster(kind)[0] for kind in job.outputs.kinds]
    needed = sum(pixels * len(k.band_names) * np.dtype(k.dtype).itemsize for k in kinds)
    free = shutil.disk_usage(job.folder).free
    if free < needed:
        raise OutputError(
            f"{job.folder.parent}: the rasters take {needed / 1e6:,.0f} MB while they are made, "
            f"{free / 1e6:,.0f} MB are free; {REMEDY}"
        )


def _run(job: Job, journal: Journal, workers: Workers, clock: Clock, track: Track) -> None:
    """Predict the strips that are left, if there are any."""
    sealed, name = journal.sealed, job.pixels.scene.path.name
    left = strips_left(job.plan, sealed)
    if not left:
        return
    tiles = sum(len(band.tiles) for band, _ in left)
    pixels = sum(len(strip.rows) * len(band.cols) for band, strip in left)
    label = f"going on with {name}" if sealed else f"predicting {name}"
    done = (Pixels(pixels / tiles) for n in workers.run(job, sealed, clock) for _ in range(n))
    for _ in track(done, label, tiles):
        pass


def _copy(job: Job, compress: str) -> None:
    """Make a COG of each raster's numbers, which are not kept: the disk may be small."""
    for kind in job.outputs.kinds:
        whole, numbers = _whole(job, kind), job.raw_path(kind)
        if whole.exists():
            continue  # made before a kill
        part = whole.with_suffix(".part")
        with RawRaster(numbers, job.plan.output, job.outputs.raster(kind)[0]) as raster:
            raster.copy(part, compress)
        part.replace(whole)
        numbers.unlink()


def _publish(job: Job, chosen: Chosen) -> None:
    for kind, path in chosen.paths.items():
        if _whole(job, kind).exists():  # else it has its name already
            raster, sidecars = job.outputs.raster(kind)
            publish(_whole(job, kind), path, raster, sidecars)


def _whole(job: Job, kind: str) -> Path:
    return job.folder / f"{kind}.tif"
