"""Making one scene's rasters: strips, then cloud-optimised GeoTIFFs, then their names."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np

from geosemimtl.errors import OutputError
from geosemimtl.files import REMEDY, require_absent
from geosemimtl.inference.choosing import Chosen
from geosemimtl.inference.journal import Journal
from geosemimtl.inference.options import PredictOptions
from geosemimtl.inference.outputs import Outputs
from geosemimtl.inference.planning import strips_left
from geosemimtl.inference.setup import Sizes
from geosemimtl.inference.streaming import Job, Meter
from geosemimtl.inference.workers import Workers
from geosemimtl.machine import peak_memory_mb
from geosemimtl.progress import Pixels, Track
from geosemimtl.raster.cog import RawRaster, publish, remove_raster
from geosemimtl.raster.declared import predicted_by
from geosemimtl.raster.formats import preview_of

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Prediction:
    """What was made of a scene.

    Attributes:
        scene: The scene's file.
        rasters: By name: ``segmentation`` (uint8, nodata 255), ``height`` (float32 metres, nodata
            -9999), and as asked for ``confidence`` (uint8 per cent, nodata 255),
            ``probabilities`` (uint8, 250 is certain, nodata 255) and ``disagreement`` (float32,
            nodata -9999); in the format ``png`` real numbers are NaN where there are none.
        pixels: Pixels of each.
        predicted: Pixels that were predicted in this call; earlier ones did the rest.
        seconds: That it took: ``total``, and as far as others had to wait for it ``read``,
            ``forward``, ``blend``, ``resample``, ``write`` and ``cog``; of several processes the
            mean.
        peak_memory_mb: The most memory that this process had held by then, and those that worked
            for it; ``None`` where nobody tells.
        companions: What was asked for besides and is there.
        kept: Whether the rasters were there before, and only companions were made.
    """

    scene: Path
    rasters: dict[str, Path]
    pixels: int
    predicted: int
    seconds: dict[str, float]
    peak_memory_mb: float | None
    companions: tuple[Path, ...] = ()
    kept: bool = False

    @property
    def speed(self) -> float | None:
        """Megapixels a second, from file to file; ``None`` where an earlier call did all."""
        return self.predicted / 1e6 / self.seconds["total"] if self.predicted else None


def make_rasters(
    chosen: Chosen,
    options: PredictOptions,
    sizes: Sizes,
    folder: Path,
    workers: Workers,
    track: Track,
    *,
    overwrite: bool,
) -> Prediction:
    """Predict a scene, or go on where an earlier run was.

    Args:
        chosen: The scene.
        options: How to predict.
        sizes: As settled.
        folder: Where the work is kept.
        workers: Who predicts.
        track: Shows progress.
        overwrite: Replace existing outputs.

    Raises:
        GeoSemiMTLError: As ``geosemimtl.inference.predictor.predict``.
    """
    begun = time.perf_counter()
    journal, meter = Journal(folder), Meter()
    job = Job(chosen.pixels, chosen.plan, chosen.outputs, options.window, *sizes, folder)
    paths, predicted = chosen.paths, 0
    if not journal.is_done(paths.values()):
        if not journal.is_whole:
            journal.mend()
            if not all(job.raw_path(kind).exists() or _is_whole(job, kind) for kind in paths):
                journal.forget()
            _require_room(job, journal)
            predicted = _run(job, journal, workers, meter, track)
            with meter("cog"):
                _copy(job, options.compress)
            journal.set_whole()
        _publish(job, chosen, overwrite=overwrite)
        journal.set_done(paths.values())
    seconds = {"total": time.perf_counter() - begun, **meter.seconds}
    return Prediction(
        chosen.pixels.scene.path,
        paths,
        prod(chosen.plan.output.shape),
        predicted,
        seconds,
        _sum([peak_memory_mb(), *meter.peaks_mb]),
    )


def lost(folder: Path, chosen: Chosen) -> bool:
    """Return whether an earlier run made a scene's rasters that have gone or changed since."""
    journal = Journal(folder)
    if not journal.is_whole or journal.is_done(chosen.paths.values()):
        return False
    here = {kind: _work_files(folder, chosen.outputs, kind)[-1].exists() for kind in chosen.paths}
    if not any(here.values()):
        return True  # all had their names; they are not what they were
    return not all(here[kind] or path.exists() for kind, path in chosen.paths.items())


def _sum(peaks_mb: Sequence[float | None]) -> float | None:
    known = [peak for peak in peaks_mb if peak is not None]
    return sum(known) if len(known) == len(peaks_mb) else None


def _require_room(job: Job, journal: Journal) -> None:
    """Refuse to begin what the disk cannot hold."""
    if journal.sealed:
        return  # it was checked then
    pixels = prod(job.plan.output.shape)
    sizes = [pixels * _bytes_a_pixel(job, kind) for kind in job.outputs.kinds]
    previews = sum(pixels * (len(job.outputs.files(kind)) - 1) for kind in job.outputs.kinds)
    # the last file is made while its numbers lie there
    needed = sum(sizes) + max(sizes) + previews
    free = shutil.disk_usage(job.folder).free
    if free < needed:
        raise OutputError(
            f"{job.folder.parent}: the rasters take {needed / 1e6:,.0f} MB while they are made, "
            f"{free / 1e6:,.0f} MB are free; {REMEDY}"
        )


def _run(job: Job, journal: Journal, workers: Workers, meter: Meter, track: Track) -> int:
    """Predict the strips that are left, and return their pixels."""
    sealed, name = journal.sealed, job.pixels.scene.path.name
    left = strips_left(job.plan, sealed)
    if not left:
        return 0
    tiles = sum(len(band.tiles) for band, _ in left)
    pixels = sum(len(strip.rows) * len(band.cols) for band, strip in left)
    label = f"going on with {name}" if sealed else f"predicting {name}"
    done = (Pixels(pixels / tiles) for n in workers.run(job, sealed, meter) for _ in range(n))
    for _ in track(done, label, tiles):
        pass
    return pixels


def _copy(job: Job, compress: str) -> None:
    """Make the files of each raster's numbers, which are not kept: the disk may be small."""
    for kind in sorted(job.outputs.kinds, key=lambda kind: _bytes_a_pixel(job, kind)):
        numbers, (raster, style) = job.raw_path(kind), job.outputs.raster(kind)
        forms, wholes = job.outputs.files(kind), _work_files(job.folder, job.outputs, kind)
        for form, whole in zip(forms, wholes, strict=True):
            if whole.exists():
                continue  # made before a kill
            part = whole.with_suffix(".part")
            with RawRaster(numbers, job.plan.output, raster) as raw:
                form.write(raw, style, part, compress)
            part.replace(whole)
        numbers.unlink(missing_ok=True)


def _publish(job: Job, chosen: Chosen, *, overwrite: bool) -> None:
    unnamed = [
        (whole, path, form, kind)
        for kind, paths in chosen.files.items()
        for whole, path, form in zip(
            _work_files(job.folder, job.outputs, kind), paths, job.outputs.files(kind), strict=True
        )
        if whole.exists()
    ]
    # they took hours, perhaps
    require_absent([path for _, path, _, _ in unnamed], overwrite=overwrite)
    for whole, path, form, kind in unnamed:
        publish(whole, path, form.texts(*job.outputs.raster(kind)))
    if overwrite:
        _remove_older(chosen)


def _remove_older(chosen: Chosen) -> None:
    """Remove what was predicted before and is not replaced: it would be taken for the new one's."""
    older = {path for path in chosen.others if path.exists()}
    ours = {path for path in older if path.suffix != ".npy" and predicted_by(path)}
    # an array does not say what it is, but its preview does
    ours |= {path for path in older if preview_of(path) in ours}
    for path in sorted(ours):
        remove_raster(path)
    for path in sorted(older - ours):
        if path.suffix == ".npy":
            _LOG.warning("%s: stays; it may be of the prediction that was replaced", path)


def _bytes_a_pixel(job: Job, kind: str) -> int:
    raster, _ = job.outputs.raster(kind)
    return len(raster.band_names) * np.dtype(raster.dtype).itemsize


def _is_whole(job: Job, kind: str) -> bool:
    return _work_files(job.folder, job.outputs, kind)[-1].exists()


def _work_files(folder: Path, outputs: Outputs, kind: str) -> tuple[Path, ...]:
    """Return where a raster's files are until they get their names."""
    return tuple(folder / f"{kind}{form.ending}" for form in outputs.files(kind))
