"""Scores against truth."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio.raw
import pytest
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.warp import transform as reproject_points

from geosemimtl.classes import (
    IGNORE,
    Classes,
    ClassMap,
    LandClass,
    MappedClass,
)
from geosemimtl.errors import LabelError, SceneError
from geosemimtl.inference.evaluation import scenes as module
from geosemimtl.inference.evaluation.scenes import Evaluation, evaluate
from geosemimtl.inference.evaluation.scoring import ScoreOptions
from geosemimtl.metrics.confusion import ConfusionCounts
from geosemimtl.metrics.erosion import away_from_boundaries
from geosemimtl.tasks import NODATA

Make = Callable[..., Path]
N = IGNORE
PREDICTED = np.array([[0, 0, 1, 1], [2, 2, 1, N]])
TRUE = np.array([[0, 1, 1, 1], [2, 0, N, 0]])
#: Rows true, columns predicted; counted by hand over the six pixels that both know.
CONFUSION = [[1, 0, 1], [1, 2, 0], [0, 0, 1]]
NAMES = ("reddish", "greenish", "blueish")


def classes_of(*values: int, names: tuple[str, ...] = NAMES, ignore: int = 99) -> ClassMap:
    entries = zip(names, values, strict=True)
    return ClassMap(
        entries=tuple(MappedClass(name=n, color=f"#0000{v:02x}", written=(v,)) for n, v in entries),
        ignore=(ignore,),
    )


def segmentation_of(evaluation: Evaluation) -> tuple[list[list[int]], float]:
    scores = evaluation.segmentation
    assert scores is not None
    assert scores.classes.names == NAMES
    return scores.counts.matrix.tolist(), scores.most_common.miou


def test_classes_by_hand(write_classes: Make, make_raster: Make) -> None:
    truth = make_raster("t.tif", TRUE[None].astype(np.uint8))
    made = evaluate(classes=[write_classes("p.tif", PREDICTED)], labels=[truth])
    matrix, most_common = segmentation_of(made)
    assert matrix == CONFUSION
    # greenish is the most common with 3 of 6; naming it always: IoU 3/6, 0, 0
    assert most_common == pytest.approx(0.5 / 3)
    assert made.height is None


def test_scenes_add_up(write_classes: Make, make_raster: Make) -> None:
    truth = make_raster("t.tif", TRUE[None].astype(np.uint8))
    classes = [write_classes(f"p{k}.tif", PREDICTED) for k in range(2)]
    matrix, _ = segmentation_of(evaluate(classes=classes, labels=[truth, truth]))
    assert matrix == (2 * np.array(CONFUSION)).tolist()


def test_other_values_are_matched_by_name(write_classes: Make, make_raster: Make) -> None:
    values = np.array([[7, 30, 30, 30], [4, 7, 99, 7]], np.uint8)
    truth = make_raster("t.tif", values[None])
    matrix, _ = segmentation_of(
        evaluate(
            classes=[write_classes("p.tif", PREDICTED)],
            labels=[truth],
            label_classes=classes_of(30, 4, 7, names=("greenish", "blueish", "reddish")),
        )
    )
    assert matrix == CONFUSION


def test_truth_in_colours(write_classes: Make, make_raster: Make) -> None:
    """By default the predicted classes' own; black is nobody's."""
    palette = np.zeros((256, 3), np.uint8)
    palette[:3] = [[255, 0, 0], [0, 255, 0], [0, 0, 255]]
    pixels, seen = palette[TRUE].transpose(2, 0, 1), TRUE != N
    truth = make_raster("t.tif", pixels, mask=seen)
    made = evaluate(classes=[write_classes("p.tif", PREDICTED)], labels=[truth])
    assert segmentation_of(made)[0] == CONFUSION


def test_truth_in_polygons(write_classes: Make, tmp_path: Path) -> None:
    rows, cols = np.nonzero(TRUE != N)
    left, top = 368000 + 0.05 * cols, 5806000 - 0.05 * rows
    shapes = shapely.box(left, top - 0.05, left + 0.05, top)
    path = tmp_path / "truth.gpkg"
    values = np.array(NAMES, object)[TRUE[rows, cols]]
    pyogrio.raw.write(
        path, shapely.to_wkb(shapes), [values], ["kind"], crs="EPSG:25833", geometry_type="Polygon"
    )
    predicted = write_classes("p.tif", PREDICTED)
    made = evaluate(classes=[predicted], labels=[path], class_column="kind")
    assert segmentation_of(made)[0] == CONFUSION


def test_predicted_classes_of_one_colour(
    write_classes: Make, make_raster: Make, one_line: Callable[[BaseException], str]
) -> None:
    alike = Classes(entries=tuple(LandClass(name=name, color="#112233") for name in NAMES))
    predicted = write_classes("p.tif", PREDICTED, alike)
    truth = make_raster("t.tif", TRUE[None].astype(np.uint8))
    with pytest.raises(LabelError, match="two of its classes have the same colour") as caught:
        evaluate(classes=[predicted], labels=[truth])
    one_line(caught.value)


@pytest.mark.parametrize("factor", [3, 1])
def test_truth_on_another_grid(write_classes: Make, make_raster: Make, factor: int) -> None:
    """Finer truth, and a larger extent: each pixel of the prediction counts once."""
    truth = np.repeat(np.repeat(TRUE, factor, 0), factor, 1).astype(np.uint8)
    truth = np.pad(truth, 5, constant_values=1)
    gsd = 0.05 / factor
    transform = Affine(gsd, 0, 368000 - 5 * gsd, 0, -gsd, 5806000 + 5 * gsd)
    path = make_raster("t.tif", truth[None], transform=transform)
    matrix, _ = segmentation_of(
        evaluate(classes=[write_classes("p.tif", PREDICTED)], labels=[path])
    )
    assert matrix == CONFUSION


def test_truth_in_another_crs(write_classes: Make, make_raster: Make) -> None:
    utm32, utm33 = CRS.from_epsg(25832), CRS.from_epsg(25833)
    (x,), (y,) = reproject_points(utm33, utm32, [368000], [5806000])
    truth = np.full((1, 400, 400), 1, np.uint8)
    transform = Affine(0.05, 0, x - 10, 0, -0.05, y + 10)
    path = make_raster("t.tif", truth, transform=transform, crs="EPSG:25832")
    predicted = write_classes("p.tif", np.tile(PREDICTED, (5, 5)))
    matrix, _ = segmentation_of(evaluate(classes=[predicted], labels=[path]))
    assert matrix == [[0, 0, 0], [50, 75, 50], [0, 0, 0]]


def test_heights_by_hand(make_raster: Make) -> None:
    nodata = NODATA
    predicted = np.array([[[1, 4, 2], [nodata, 9, 3]]], np.float32)
    true = np.array([[[0, 2, 4], [6, nodata, 6]]], np.float32)
    paths = [
        make_raster(name, pixels, nodata=nodata)
        for name, pixels in (("p_height.tif", predicted), ("t.tif", true))
    ]
    scores = evaluate(heights=paths[:1], true_heights=paths[1:]).height
    assert scores is not None
    assert scores.counts.n == 4
    assert scores.counts.rmse == pytest.approx(np.sqrt((1 + 4 + 4 + 9) / 4))
    assert scores.counts.mae == pytest.approx(2)
    assert scores.counts.bias == pytest.approx((1 + 2 - 2 - 3) / 4)
    # the mean of 0, 2, 4 and 6 is 3
    assert scores.mean.mae == pytest.approx(2)
    assert scores.mean.bias == pytest.approx(0)
    assert scores.mean.rmse == pytest.approx(np.sqrt(5))
    assert scores.zero.mae == pytest.approx(3)
    assert scores.zero.rmse == pytest.approx(np.sqrt(14))


def test_rows_beyond_one_strip(write_classes: Make, make_raster: Make) -> None:
    rows = 1100
    predicted = write_classes("p.tif", np.arange(rows)[:, None].repeat(2, 1) % 3)
    truth = make_raster("t.tif", np.zeros((1, rows, 2), np.uint8))
    matrix, _ = segmentation_of(evaluate(classes=[predicted], labels=[truth]))
    assert matrix == [[734, 734, 732], [0, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize("mistake", ["undeclared", "elsewhere", "unlabelled", "names", "plain"])
def test_truth_that_does_not_fit(
    write_classes: Make,
    make_raster: Make,
    one_line: Callable[[BaseException], str],
    mistake: str,
) -> None:
    predicted = write_classes("p.tif", PREDICTED)
    values: NDArray[Any] = TRUE[None].astype(np.uint8)
    options: dict[str, Any] = {}
    words: list[str] = []
    kind: type[Exception] = LabelError
    names = None
    if mistake == "undeclared":
        values, words = np.full_like(values, 77), ["t.tif", "77", "--classes"]
    elif mistake == "elsewhere":
        options["transform"] = Affine(0.05, 0, 400000, 0, -0.05, 5806000)
        words = ["t.tif", "--labels"]
    elif mistake == "unlabelled":
        values, words = np.full_like(values, N), ["t.tif", "--labels"]
    elif mistake == "names":
        names, words = classes_of(0, 1, 2, names=("reddish", "blueish", "pond")), ["pond"]
    else:
        predicted, words, kind = make_raster("p.tif", values), ["p.tif", "_classes.tif"], SceneError
    truth = make_raster("t.tif", values, **options)
    with pytest.raises(kind) as error:
        evaluate(classes=[predicted], labels=[truth], label_classes=names)
    text = one_line(error.value)
    assert all(word in text for word in words), text


def test_counts_must_agree(write_classes: Make) -> None:
    path = write_classes("p.tif", PREDICTED)
    with pytest.raises(LabelError, match=r"1 class raster\(s\) but 0 --labels"):
        evaluate(classes=[path])
    with pytest.raises(LabelError, match="nothing to compare"):
        evaluate()


def test_a_height_raster_has_one_band(make_raster: Make) -> None:
    path = make_raster("p_height.tif", np.zeros((3, 4, 4), np.float32))
    truth = make_raster("t.tif", np.zeros((1, 4, 4), np.float32))
    with pytest.raises(SceneError, match="3 bands"):
        evaluate(heights=[path], true_heights=[truth])


def test_eroded_truth_by_hand(write_classes: Make, make_raster: Make) -> None:
    true = np.array([[0] * 4 + [1] * 4 + [N] * 2])
    predicted = np.array([[0, 1, 1, 1, 1, 1, 0, 1, 1, 1]])
    scores = evaluate(
        classes=[write_classes("p.tif", predicted)],
        labels=[make_raster("t.tif", true[None].astype(np.uint8))],
        scoring=ScoreOptions(erode_px=2),
    ).segmentation
    assert scores is not None
    assert scores.eroded is not None
    assert scores.eroded.radius_px == 2
    assert scores.counts.matrix.tolist() == [[1, 3, 0], [1, 3, 0], [0, 0, 0]]
    # the two columns on each side of the boundary are gone
    assert scores.eroded.counts.matrix.tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 0]]


@pytest.mark.parametrize("rows", [1, 2, 3, 7, 40])
@pytest.mark.parametrize("form", ["raster", "finer raster", "polygons"])
def test_eroded_strips_give_what_the_whole_scene_gives(
    write_classes: Make,
    make_raster: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    rows: int,
    form: str,
) -> None:
    random = np.random.default_rng(3)
    true = random.integers(0, 3, (5, 4)).repeat(8, 0).repeat(9, 1).astype(np.uint8)
    predicted = random.integers(0, 3, true.shape)
    if form == "polygons":
        truth = tmp_path / "truth.gpkg"
        down, across = np.indices((5, 4)).reshape(2, -1)
        left, top = 368000 + 0.45 * across, 5806000 - 0.4 * down
        shapes = shapely.to_wkb(shapely.box(left, top - 0.4, left + 0.45, top))
        names = np.array(NAMES, object)[true[8 * down, 9 * across]]
        columns: dict[str, Any] = {"crs": "EPSG:25833", "geometry_type": "Polygon"}
        pyogrio.raw.write(truth, shapes, [names], ["class"], **columns)
    elif form == "raster":
        truth = make_raster("t.tif", true[None])
    else:
        truth = make_raster("t.tif", true.repeat(3, 0).repeat(3, 1)[None], gsd=0.05 / 3)
    monkeypatch.setattr(module, "_ROWS", rows)
    scores = evaluate(
        classes=[write_classes("p.tif", predicted)],
        labels=[truth],
        scoring=ScoreOptions(erode_px=3),
    ).segmentation
    assert scores is not None
    assert scores.eroded is not None
    inner = away_from_boundaries(true, 3)
    assert 0 < inner.sum() < true.size
    expected = ConfusionCounts.from_labels(predicted, true, inner, 3)
    np.testing.assert_array_equal(scores.eroded.counts.matrix, expected.matrix)


def heights_beside(write_classes: Make, make_raster: Make, gsd: float) -> Evaluation:
    """Evaluate classes and heights; the class raster's pixels have a size of their own."""
    true = np.array([[[0, 2, 4, 30], [0.4, 9, 1, 5]]], np.float32)
    return evaluate(
        classes=[write_classes("p.tif", PREDICTED, gsd=gsd)],
        labels=[make_raster("t.tif", TRUE[None].astype(np.uint8), gsd=gsd)],
        heights=[make_raster("p_height.tif", true + 1)],
        true_heights=[make_raster("h.tif", true)],
        scoring=ScoreOptions(height_bins_m=(1, 5)),
    )


def test_heights_by_range_and_by_class(write_classes: Make, make_raster: Make) -> None:
    scores = heights_beside(write_classes, make_raster, 0.05).height
    assert scores is not None
    assert [each.n for each in scores.bins.counts] == [2, 3, 3]
    assert [each.bias for each in scores.bins.counts] == pytest.approx([1, 1, 1])
    # ratios of 2, 4, 1 m; of 30, 9 and 5 m; nothing below 1 m is above 0.5 m
    assert scores.bins.counts[1].abs_rel == pytest.approx((1 / 2 + 1 / 4 + 1) / 3)
    assert scores.bins.counts[2].abs_rel == pytest.approx((1 / 30 + 1 / 9 + 1 / 5) / 3)
    assert np.isnan(scores.bins.counts[0].abs_rel)
    assert (scores.counts.n_ratio, scores.positive.n_ratio) == (6, 7)
    assert scores.positive.sum_abs_rel - scores.counts.sum_abs_rel == pytest.approx(1 / 0.4)
    # reddish is true at 0, 9 and 5 m, greenish at 2, 4 and 30 m; one pixel is unlabelled
    assert {name: each.n for name, each in scores.by_class.items()} == {
        "reddish": 3,
        "greenish": 3,
        "blueish": 1,
    }
    assert scores.by_class["greenish"].abs_rel == pytest.approx((1 / 2 + 1 / 4 + 1 / 30) / 3)


def test_heights_beside_classes_on_another_grid_have_none(
    write_classes: Make, make_raster: Make
) -> None:
    scores = heights_beside(write_classes, make_raster, 0.06).height
    assert scores is not None
    assert not scores.by_class


def test_heights_alone_by_class(make_raster: Make) -> None:
    """Without class rasters the labels' classes are ISPRS's, as tile takes them, or --classes."""
    true = np.array([[[0, 2, 4, 30]]], np.float32)
    paths: dict[str, Any] = {
        "labels": [make_raster("t.tif", np.array([[[0, 5, 5, N]]], np.uint8))],
        "heights": [make_raster("p_height.tif", true + 1)],
        "true_heights": [make_raster("h.tif", true)],
    }
    made = evaluate(**paths)
    assert made.segmentation is None
    assert made.height is not None
    assert {name: each.n for name, each in made.height.by_class.items() if each.n} == {
        "impervious": 1,
        "clutter": 2,
    }
    own = evaluate(**paths, label_classes=classes_of(0, 5, 6, ignore=N)).height
    assert own is not None
    assert {name: each.n for name, each in own.by_class.items()} == {
        "reddish": 1,
        "greenish": 2,
        "blueish": 0,
    }
    with pytest.raises(LabelError, match=r"1 height raster\(s\) but 2 --labels"):
        evaluate(**(paths | {"labels": paths["labels"] * 2}))
