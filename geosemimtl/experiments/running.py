"""Running an experiment: every row with every seed, going on where it was stopped."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from geosemimtl.config import differences
from geosemimtl.errors import ConfigError
from geosemimtl.experiments.config import (
    DATA,
    ExperimentConfig,
    RowSection,
    SceneSection,
    resolved,
    slug,
)
from geosemimtl.experiments.drawn_data import cut_tile_sets, draw_city, draw_street
from geosemimtl.experiments.scenes import require_scenes, scene_truth
from geosemimtl.files import require_absent, write_text
from geosemimtl.inference.evaluation.scenes import evaluate_model
from geosemimtl.inference.evaluation.scoring import Evaluation
from geosemimtl.inference.evaluation.tile_sets import evaluate_tile_set
from geosemimtl.inference.options import PredictOptions
from geosemimtl.metrics.task_scores import TaskScores
from geosemimtl.progress import Track, silent
from geosemimtl.tasks import HEIGHT, SEGMENTATION
from geosemimtl.training.config import TrainConfig
from geosemimtl.training.domains import iterations_in, open_domains
from geosemimtl.training.trainer import train

T = TypeVar("T")
#: What scores of a task are called here.
_FIGURES = {
    **{name: name for name in ("pixel_accuracy", "mean_iou", "abs_rel")},
    **{f"delta{power}": f"delta{power}" for power in (1, 2, 3)},
    **{f"rmse_{unit}": "rmse" for unit in ("m", "px", "per_m")},
    **{f"mae_{unit}": "mae" for unit in ("m", "px", "per_m")},
}
_OUTCOME = "outcome.json"
_MARK = "experiment.json"
#: Scores by name, by statistics (``learned`` or ``adapted``), by scene.
Scores = Mapping[str, Mapping[str, Mapping[str, float]]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one row came to with one seed.

    Attributes:
        row: Its name.
        seed: The seed.
        same_time: Whether it trained for the time of another row instead of its own iterations.
        iterations: Of its training.
        steps: Of the network in it.
        seconds: That its iterations took, by their median.
        scores: Of each scene.
    """

    row: str
    seed: int
    same_time: bool
    iterations: int
    steps: int
    seconds: float
    scores: Scores


class _Job(NamedTuple):
    row: RowSection
    seed: int
    iterations: int | None  # other than the row's own: the same time as another's


def experiment(
    config: ExperimentConfig,
    output: Path,
    *,
    roots: Mapping[str, Path] | None = None,
    track: Track = silent,
) -> list[Outcome]:
    """Train and evaluate every row with every seed; what is done already is not done again.

    Args:
        config: The experiment.
        output: Its folder.
        roots: Folders of data sets by their name, from which tile sets are cut that are not there.
        track: Shows progress.

    Raises:
        ConfigError: The folder holds another experiment.
        GeoSemiMTLError: As of training and evaluation.
    """
    if not config.draws:
        trainings = [config.training_of(row, config.seeds[0], Path()) for row in config.rows]
        cut_tile_sets(trainings, roots or {}, track)
        require_scenes(config.scenes)
        for training in trainings:  # before the first one has trained for days
            open_domains(training)
    _require_same(config, output)
    jobs = [_Job(row, seed, None) for seed in config.seeds for row in config.rows]
    outcomes = [_outcome(config, job, output, _numbered(track, jobs, job)) for job in jobs]
    if config.same_time_as is not None:
        more = _same_time(config, outcomes, output)
        outcomes += [_outcome(config, job, output, _numbered(track, more, job)) for job in more]
    return outcomes


def _require_same(config: ExperimentConfig, output: Path) -> None:
    """Refuse to mix two experiments; rows, seeds and scenes may be added to one."""
    wanted = config.model_dump(mode="json", include={"city", "street", "training", "statistics"})
    path = output / _MARK
    if path.exists():
        before = json.loads(path.read_text(encoding="utf-8"))
        if changed := differences(before, wanted):
            raise ConfigError(
                f"{output}: holds an experiment with {'; '.join(changed[:3])}: choose another "
                "folder with -o"
            )
        return
    require_absent([path], overwrite=True)  # makes its folder
    write_text(path, json.dumps(wanted, indent=1) + "\n")


def _numbered(track: Track, jobs: Sequence[_Job], job: _Job) -> Track:
    """Return a tracker that says which of the jobs it is."""
    place = f"{jobs.index(job) + 1}/{len(jobs)} {job.row.name}, seed {job.seed}"

    def numbered(items: Iterable[T], label: str, total: int) -> Iterable[T]:
        return track(items, f"{place}: {label}", total)

    return numbered


def _outcome(config: ExperimentConfig, job: _Job, output: Path, track: Track) -> Outcome:
    """Train and evaluate what of a job is not done yet."""
    data = output / "data" / str(job.seed)
    training = config.training_of(job.row, job.seed, data, job.iterations)
    folder = output / "runs" / f"{slug(job.row.name)}_{job.seed}"
    if job.iterations is not None:
        folder = folder.with_name(f"{folder.name}_same_time")
    known = _known(folder, _asked(config, job))
    if config.city is not None:
        draw_city(config.city, job.seed, data, track)
    if config.street is not None:
        draw_street(config, config.street, job.seed, data, track)
    model = folder / "model.safetensors"
    if not known:
        watch = _Watch(track)
        train(training, folder, overwrite=True, track=watch)
        known = {
            "training": _asked(config, job),
            "iterations": iterations_in(training, open_domains(training)),
            "second": watch.median_s,
            "scores": {},
        }
        _keep(folder, known)
    for scene in config.scenes:
        wanted = scene.model_dump(mode="json", exclude_defaults=True)
        scored = known["scores"].get(scene.name, {})
        if scored.get("scene") != wanted:
            scores = _scores(config, scene, training, model, data, track)
            known["scores"][scene.name] = {"scene": wanted, "scores": scores}
            _keep(folder, known)
    return Outcome(
        job.row.name,
        job.seed,
        job.iterations is not None,
        known["iterations"],
        known["iterations"] * len(training.domains),
        known["second"] * known["iterations"],
        {scene.name: known["scores"][scene.name]["scores"] for scene in config.scenes},
    )


def _asked(config: ExperimentConfig, job: _Job) -> dict[str, Any]:
    """Return a job's training with its defaults, which versions may change, but not its folder."""
    training = config.training_of(job.row, job.seed, Path(DATA), job.iterations)
    return training.model_dump(mode="json", exclude={"validation"})  # of which there is none


def _known(folder: Path, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an earlier call found of the same training, if it did.

    Raises:
        ConfigError: It was another training.
    """
    path = folder / _OUTCOME
    if not path.exists():
        return {}
    known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if changed := differences(known["training"], asked):
        raise ConfigError(
            f"{folder}: was trained with {'; '.join(changed[:3])}: remove it, give the row another "
            "name, or choose another folder with -o"
        )
    return known


def _keep(folder: Path, known: Mapping[str, Any]) -> None:
    write_text(folder / _OUTCOME, json.dumps(known, indent=1) + "\n")


class _Watch:
    """A tracker that takes the time of each iteration of a training."""

    def __init__(self, track: Track) -> None:
        self._track = track
        self._times: list[float] = []

    def __call__(self, items: Iterable[T], label: str, total: int) -> Iterator[T]:
        """Pass the items on."""
        for item in self._track(items, label, total):
            self._times.append(time.perf_counter())
            yield item

    @property
    def median_s(self) -> float:
        """Seconds of an iteration."""
        between = [after - before for before, after in pairwise(self._times)]
        return statistics.median(between) if between else 0.0


def _scores(
    config: ExperimentConfig,
    scene: SceneSection,
    training: TrainConfig,
    model: Path,
    data: Path,
    track: Track,
) -> dict[str, dict[str, float]]:
    """Score a whole stitched scene, or tiles, in float32, by each kind of statistics."""
    if scene.tiles is not None:
        return _tile_scores(config, scene, training, model, resolved(scene.tiles, data), track)
    truth = scene_truth(scene, data)
    labels = truth.labels if SEGMENTATION in training.tasks else ()
    heights = truth.heights if HEIGHT in training.tasks else ()
    names = [domain.name for domain in training.domains]
    found: dict[str, dict[str, float]] = {}
    for kind in config.statistics if labels or heights else ():
        evaluation = evaluate_model(
            truth.images,
            model,
            labels=labels,
            true_heights=heights,
            options=PredictOptions(
                bands=truth.bands,
                area=resolved(scene.area, data) if scene.area else None,
                sensor=scene.name if scene.name in names else None,
                adapt_bn=kind == "adapted",
                precision="float32",
            ),
            label_classes=truth.classes,
            places=truth.places,
            track=track,
        )
        found[kind] = _figures(evaluation)
    return found


def _tile_scores(
    config: ExperimentConfig,
    scene: SceneSection,
    training: TrainConfig,
    model: Path,
    tiles: Path,
    track: Track,
) -> dict[str, dict[str, float]]:
    """Score a tile set's split by each kind of statistics."""
    names = [domain.name for domain in training.domains]
    found: dict[str, dict[str, float]] = {}
    for kind in config.statistics:
        options = PredictOptions(
            sensor=scene.name if scene.name in names else None,
            adapt_bn=kind == "adapted",
            precision="float32",
        )
        scores = evaluate_tile_set(tiles, model, split=scene.split, options=options, track=track)
        found[kind] = _figures_of_tasks(scores.tasks, config.quantity)
    return found


def _figures_of_tasks(tasks: Mapping[str, TaskScores], quantity: str) -> dict[str, float]:
    figures: dict[str, float] = {}
    for task in (SEGMENTATION, quantity):
        if task in tasks:
            named = tasks[task].named()
            figures |= {_FIGURES[name]: value for name, value in named.items() if name in _FIGURES}
    return figures


def _figures(evaluation: Evaluation) -> dict[str, float]:
    figures: dict[str, float] = {}
    if evaluation.segmentation is not None:
        counts = evaluation.segmentation.counts
        figures |= {"pixel_accuracy": counts.pixel_accuracy, "mean_iou": counts.miou}
    if evaluation.height is not None:
        heights = evaluation.height.counts
        deltas = {f"delta{power}": heights.delta(power) for power in (1, 2, 3)}
        figures |= {"abs_rel": heights.abs_rel, "rmse": heights.rmse, "mae": heights.mae, **deltas}
    return figures


def _same_time(config: ExperimentConfig, outcomes: Sequence[Outcome], output: Path) -> list[_Job]:
    """Return the jobs of the second table; how long a row's are is measured once and kept.

    Raises:
        ConfigError: The folder's second table is of another row's time, or no time was measured.
    """
    path, base = output / "same_time.json", config.same_time_as
    kept: dict[str, Any] = {"as": base}
    if path.exists():
        kept = json.loads(path.read_text(encoding="utf-8"))
    if kept["as"] != base:
        raise ConfigError(
            f"{path}: the second table has the time of {kept['as']}, not of {base}: choose another "
            "folder with -o"
        )
    rows = {each.row: [o for o in outcomes if o.row == each.row] for each in outcomes}
    seconds = {
        name: statistics.median([each.seconds / each.iterations for each in runs])
        for name, runs in rows.items()
    }
    if not all(seconds.values()):
        raise ConfigError(
            f"{output}: a training went on for its last iteration alone, so its time is not known: "
            "remove its folder under runs/, or leave same_time_as out"
        )
    total = kept.setdefault("seconds", seconds[str(base)] * rows[str(base)][0].iterations)
    lengths = kept.setdefault("iterations", {})
    for name, second in seconds.items():
        lengths.setdefault(name, max(1, round(total / second)))
    write_text(path, json.dumps(kept, indent=1) + "\n")
    return [
        _Job(row, seed, lengths[row.name])
        for seed in config.seeds
        for row in config.rows
        if row.name != base
    ]
