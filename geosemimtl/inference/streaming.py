"""Streaming a scene through a network: read ahead, run, blend, resample, decide, write, forget."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from rasterio.windows import Window
from torch import Tensor

from geosemimtl.errors import ModelFileError
from geosemimtl.inference.forward import Forward
from geosemimtl.inference.journal import Journal
from geosemimtl.inference.outputs import Outputs
from geosemimtl.inference.planning import Band, Plan, Strip, tile_rows
from geosemimtl.inference.resampling import StripResampler
from geosemimtl.inference.scene_pixels import ScenePixels
from geosemimtl.raster.cog import RawRaster
from geosemimtl.raster.environment import gdal_threads
from geosemimtl.raster.resample import drawing
from geosemimtl.tiling.layers import Piece
from geosemimtl.tiling.pieces import PieceQueue, Settled, assemble, reading_threads
from geosemimtl.tiling.stitching import StripBlender

#: Threads that read, and pieces that they read before they are needed.
_READERS, _AHEAD = 2, 2
#: Strips that may wait to be written.
_WAITING = 1


class Meter:
    """Measures a prediction: the seconds that its main thread spends on each stage, and memory.

    Attributes:
        seconds: By stage.
        peaks_mb: Peak memory of each other process.
    """

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.peaks_mb: list[float | None] = []

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Count what happens within for a stage."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] += time.perf_counter() - begun


@dataclass(frozen=True, slots=True)
class Job:
    """All that a process must know to predict strips of a scene.

    Attributes:
        pixels: How the scene is read.
        plan: In which order.
        outputs: What is written.
        window: Blend window.
        batch: Tiles that are run at once, at most.
        threads: That torch uses on the processor.
        folder: Where the rasters' numbers and the journal are.
    """

    pixels: ScenePixels
    plan: Plan
    outputs: Outputs
    window: str
    batch: int
    threads: int
    folder: Path

    def raw_path(self, kind: str) -> Path:
        """Return where a raster's numbers are."""
        return self.folder / f"{kind}.raw"


def predict_strips(
    job: Job, band: Band, strips: Sequence[Strip], forward: Forward, meter: Meter
) -> Iterator[int]:
    """Predict neighbouring strips of a band and note them in the journal.

    Args:
        job: The scene.
        band: The band.
        strips: Its strips, from the top.
        forward: The network.
        meter: Counts the seconds.

    Yields:
        How many tiles are done since the last time, of those in the strips' rows.

    Raises:
        SceneError: The scene cannot be read.
        ModelFileError: The network gives no numbers.
        OutputError: The disk is full.
    """
    with ExitStack() as stack:
        run = _Run(stack, job, band, strips, forward, meter)
        yield from run.rows()
        run.finish()


class _Run:
    """Strips of one band on their way, in one process."""

    def __init__(
        self,
        stack: ExitStack,
        job: Job,
        band: Band,
        strips: Sequence[Strip],
        forward: Forward,
        meter: Meter,
    ) -> None:
        plan = job.plan
        self._job, self._band, self._forward, self._meter = job, band, forward, meter
        self._strips = deque(strips)
        self._weighed = not job.pixels.is_everywhere(plan.grid)
        self._tile_rows = tile_rows(strips)
        # written to by one thread, closed after it is done
        rasters = {
            kind: RawRaster(job.raw_path(kind), plan.output, job.outputs.raster(kind)[0])
            for kind in job.outputs.kinds
        }
        for raster in rasters.values():
            stack.enter_context(raster)
        self._writer = stack.enter_context(_Writer(rasters, Journal(job.folder)))
        pool = stack.enter_context(gdal_threads(_READERS))
        self._images = self._queue(
            stack,
            pool,
            partial(job.pixels.images, plan.grid),
            band.model_cols,
            _shown(plan, tile_rows(plan.strips)),
            _shown(plan, self._tile_rows),
        )
        self._wanted = self._queue(
            stack,
            pool,
            partial(job.pixels.wanted, plan.whole),
            band.cols,
            range(plan.strips[0].rows.start, plan.strips[-1].rows.stop),
            range(strips[0].rows.start, strips[-1].rows.stop),
        )
        self._blender = StripBlender(
            plan.layout, job.outputs.channels, band.tiles, job.window, forward.device
        )
        self._resampler = StripResampler(
            plan.down, plan.across, band.cols, self._blender.left, forward.device
        )

    @staticmethod
    def _queue(
        stack: ExitStack,
        pool: ThreadPoolExecutor,
        open_reader: Callable[[], Any],
        cols: range,
        rows: range,
        part: range,
    ) -> PieceQueue:
        read = stack.enter_context(reading_threads(open_reader))
        settled = stack.enter_context(Settled(pool))
        return PieceQueue(settled, read, cols, rows, _AHEAD, part)

    def rows(self) -> Iterator[int]:
        """Run row after row of tiles."""
        for i in self._tile_rows:
            with self._meter("read"):
                row = self._read(i)
            is_rerun = self._strips[0].tile_row != i
            for done in self._blend(i, row):
                yield 0 if is_rerun else done
            self._end(i, row)

    def finish(self) -> None:
        """Wait for what is written."""
        with self._meter("write"):
            self._writer.drain(0)

    def _read(self, i: int) -> Piece:
        """Return what the tiles of a row show; beyond the grid nothing is valid."""
        layout, cols = self._job.plan.layout, self._band.model_cols
        top, (height, least) = layout.row_offsets[i], layout.size_px
        self._images.release(top)
        pieces = self._images.until(top + height)
        width = max(len(cols), least)
        return assemble(pieces, Window(cols.start, top, width, height))

    def _blend(self, i: int, row: Piece) -> Iterator[int]:
        layout, left = self._job.plan.layout, self._band.model_cols.start
        width = layout.size_px[1]
        places = {j: slice(at - left, at - left + width) for j, at in self._columns()}
        run = [j for j, at in places.items() if row.valid[:, at].any() and self._touches(i, j)]
        yield len(places) - len(run)
        if not run:
            return
        with self._meter("forward"):
            pixels = torch.from_numpy(row.pixels).to(self._forward.device)
        for group in _even_groups(run, self._job.batch):
            with self._meter("forward"):
                tiles = self._forward([pixels[:, :, places[j]] for j in group])
                tiles = self._job.outputs.expanded(tiles)
            with self._meter("blend"):
                for j, tile in zip(group, tiles, strict=True):
                    self._blender.add(i, j, tile)
            yield len(group)

    def _columns(self) -> list[tuple[int, int]]:
        offsets = self._job.plan.layout.col_offsets
        return [(j, offsets[j]) for j in self._band.tiles]

    def _touches(self, i: int, j: int) -> bool:
        """Return whether an output pixel of the area wanted draws on a tile."""
        plan, area = self._job.plan, self._job.pixels.area
        if area is None:
            return True
        window = plan.layout.window(i, j)
        top, bottom = drawing(plan.down, int(window.row_off), int(window.height))
        left, right = drawing(plan.across, int(window.col_off), int(window.width))
        return left < right and top < bottom and area.touches(left, top, right, bottom)

    def _end(self, i: int, row: Piece) -> None:
        """Hand on what no later tile touches."""
        with self._meter("blend"):
            top, strip = self._blender.finish(i)
            strip = self._job.outputs.reduced(strip)
            seen = None
            if self._weighed:
                seen = torch.from_numpy(row.valid[: strip.shape[1], : strip.shape[2]])
                seen = seen.to(strip.device)
        with self._meter("resample"):
            self._resampler.feed(top, strip, seen)
        if self._strips[0].tile_row != i:  # only rows that the first strip draws on, or none
            self._resampler.forget(self._strips[0].rows.start)
        else:
            self._write(self._strips.popleft())

    def _write(self, strip: Strip) -> None:
        window = self._job.plan.window
        blocks = self._resampler.take(strip.rows, weighed=self._weighed)
        while True:
            with self._meter("resample"):
                block = next(blocks, None)
            if block is None:
                break
            rows, values, known = block
            if known is not None:
                with self._meter("read"):
                    known = known & self._want(rows).to(known.device)
            with self._meter("resample"):
                require_numbers(values, self._job.pixels.scene.path)
                made = self._job.outputs.decided(values, known)
            with self._meter("write"):
                row, col = rows.start - window.row_off, self._band.cols.start - window.col_off
                self._writer.write(int(row), int(col), made)
        self._writer.seal(self._band.index, strip.tile_row)

    def _want(self, rows: range) -> Tensor:
        cols = self._band.cols
        self._wanted.release(rows.start)
        pieces = self._wanted.until(rows.stop)
        window = Window(cols.start, rows.start, len(cols), len(rows))
        return torch.from_numpy(np.ascontiguousarray(assemble(pieces, window).valid))


def require_numbers(values: Tensor, scene: Path) -> None:
    """Refuse what a broken network gives.

    Raises:
        ModelFileError: A value is infinite or no number.
    """
    if not torch.isfinite(values.sum()):  # one that is none makes the sum none
        raise ModelFileError(f"{scene}: the model gives no numbers for it; train it again")


def _shown(plan: Plan, rows: range) -> range:
    """Return the rows of the model's grid that some rows of tiles show."""
    tops, bottom = plan.layout.row_offsets, plan.grid.shape[0]
    return range(tops[rows[0]], min(tops[rows[-1]] + plan.layout.size_px[0], bottom))


def _even_groups(run: Sequence[int], most: int) -> Iterator[Sequence[int]]:
    """Cut into as few groups as have to be, of sizes that differ by at most one."""
    count = -(-len(run) // most)
    for index in range(count):
        yield run[index * len(run) // count : (index + 1) * len(run) // count]


class _Writer:
    """Writes strips behind the main thread's back, while it runs the network.

    Block by block, it would be in the way of what decides the next one.
    """

    def __init__(self, rasters: dict[str, RawRaster], journal: Journal) -> None:
        self._rasters, self._journal = rasters, journal
        self._thread = ThreadPoolExecutor(1)
        self._open: deque[Future[None]] = deque()
        self._blocks: list[tuple[int, int, dict[str, NDArray[Any]]]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown(cancel_futures=True)

    def write(self, row: int, col: int, blocks: dict[str, NDArray[Any]]) -> None:
        """Take a window of each raster."""
        self._blocks.append((row, col, blocks))

    def seal(self, band: int, strip: int) -> None:
        """Write what was taken, and note the strip as finished once that is on the disk."""
        self.drain(_WAITING)
        self._open.append(self._thread.submit(self._write, self._blocks, band, strip))
        self._blocks = []

    def drain(self, left: int) -> None:
        """Wait until so few are left; raises what went wrong."""
        while len(self._open) > left:
            self._open.popleft().result()

    def _write(
        self, blocks: Sequence[tuple[int, int, dict[str, NDArray[Any]]]], band: int, strip: int
    ) -> None:
        for row, col, rasters in blocks:
            for kind, pixels in rasters.items():
                self._rasters[kind].write(row, pixels, col)
        for raster in self._rasters.values():
            raster.sync()
        self._journal.seal(band, strip)
