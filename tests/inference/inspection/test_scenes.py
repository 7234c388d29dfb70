"""What check and info say."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from affine import Affine
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from geosemimtl.inference.inspection.reports import Refusal
from geosemimtl.inference.inspection.scenes import check, check_all
from geosemimtl.inference.remarks import describe_shift
from geosemimtl.models.network import build_network
from geosemimtl.raster.grid import PixelGrid
from geosemimtl.raster.registration import Shift
from geosemimtl.tiling.cutting import tile
from geosemimtl.tiling.options import TileOptions
from geosemimtl.tiling.scenes import gather_scenes
from geosemimtl.tiling.tileset import BandStatistics
from geosemimtl.training.model_file import DomainCard, ModelCard, save_model

Make = Callable[..., Path]
Noise = Callable[..., NDArray[Any]]


def notes_of(path: Path, **options: Any) -> str:
    return "\n".join(check(path, **options).notes)


def test_what_a_scene_is(make_scene: Make) -> None:
    mask = np.ones((50, 80), bool)
    mask[:25, :40] = False
    scene = make_scene("a.tif", np.ones((3, 50, 80), np.uint8), gsd=0.05, mask=mask)
    report = check(scene, options=TileOptions(gsd_m=0.1, size_px=16, overlap=0.25))
    assert report.valid_share == 0.75
    assert report.grid.shape == (25, 40)
    assert report.layout.overlap_px == 4
    assert not report.problems
    (step,) = report.steps
    assert (step.layer, step.how) == ("image", "averaged")
    assert step.factor == pytest.approx((2, 2))
    document = json.loads(json.dumps(report.document()))
    assert document["bands"] == ["red", "green", "blue"]
    assert document["would_be"]["tiles"] == len(report.layout) == 2 * 3
    assert (document["is_rotated"], document["is_square"]) == (False, True)


def test_the_values_of_each_band(make_scene: Make) -> None:
    """0 to 100 in each row: the percentiles are the values themselves."""
    ramp = np.tile(np.arange(101, dtype=np.uint8), (40, 1))
    report = check(make_scene("a.tif", np.stack([ramp, ramp + 100, ramp * 0])))
    first, second, third = report.sample.bands
    assert (first.minimum, first.maximum) == (0, 100)
    assert first.percentiles == pytest.approx((1, 5, 25, 50, 75, 95, 99), abs=0.5)
    assert second.percentiles == pytest.approx((101, 105, 125, 150, 175, 195, 199), abs=0.5)
    assert third.maximum == 0
    assert report.sample.is_whole


def test_a_large_scene_is_sampled(
    make_scene: Make, noise: Noise, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("geosemimtl.inference.sampling._WHOLE_PX", 1000)
    monkeypatch.setattr("geosemimtl.inference.sampling._WINDOW_PX", 16)
    mask = np.ones((200, 200), bool)
    mask[:100] = False
    report = check(make_scene("a.tif", noise(3, 200, 200), mask=mask))
    assert not report.sample.is_whole
    assert report.valid_share == pytest.approx(0.5, abs=0.1)


def test_what_would_be_predicted(make_scene: Make, model_file: Path) -> None:
    report = check(make_scene("a.tif", np.ones((3, 50, 80), np.uint8), gsd=0.1), model=model_file)
    assert report.grid.shape == (100, 160)
    assert (report.layout.size_px, report.layout.overlap_px) == ((32, 32), 16)
    assert report.steps[0].how == "interpolated by cubic convolution"
    assert report.cost is None
    assert report.likeness is None


def test_every_problem_is_listed(make_raster: Make, model_file: Path) -> None:
    pixels = np.ones((3, 30, 30), np.uint16)
    scene = make_raster("a.tif", pixels, mask=np.zeros((30, 30), bool))
    assert len(check(scene).problems) == 2
    problems = check(scene, model=model_file).problems
    assert len(problems) == 3
    for problem, word in zip(problems, ("--bands", "--value-range", "no valid pixel"), strict=True):
        assert word in problem


@pytest.mark.parametrize(
    ("crs", "colours", "word"),
    [
        ("EPSG:4326", None, "degrees"),
        ("EPSG:25833", ("gray", "undefined", "undefined", "undefined"), "no names"),
        ("EPSG:25833", ("red", "green", "blue", "alpha"), "--alpha none"),
    ],
)
def test_what_deserves_a_look(
    make_raster: Make, crs: str, colours: tuple[str, ...] | None, word: str
) -> None:
    pixels = np.full((4, 30, 30), 255, np.uint8)
    transform = Affine(1e-6, 0, 13, 0, -1e-6, 52)
    scene = make_raster("a.tif", pixels, crs=crs, transform=transform, colours=colours)
    assert word in notes_of(scene)


def test_a_crs_assumed_in_vain(make_scene: Make) -> None:
    scene = make_scene("a.tif", np.ones((3, 30, 30), np.uint8))
    assert "is not used" in notes_of(scene, options=TileOptions(assume_crs="EPSG:25832"))
    assert "is not used" not in notes_of(scene, options=TileOptions(assume_crs="EPSG:25833"))


@pytest.mark.parametrize(("value", "word"), [(0, "black"), (255, "white")])
def test_a_border_that_nothing_marks(make_scene: Make, noise: Noise, value: int, word: str) -> None:
    """A corner without image, as turned scenes have; specks of the same value are no border."""
    pixels = noise(3, 90, 120, high=255)
    pixels[:, 0, ::3] = pixels[:, 40, 50] = value
    assert "rim is solid" not in notes_of(make_scene("a.tif", pixels))
    rows, cols = np.ogrid[:90, :120]
    corner = rows + cols < 40
    pixels[:, corner] = value
    assert f"solid {word}" in notes_of(make_scene("b.tif", pixels))
    assert "rim is solid" not in notes_of(make_scene("c.tif", pixels, mask=~corner))


def test_labels_and_heights_that_do_not_fit(make_scene: Make, make_raster: Make) -> None:
    scene = make_scene("a.tif", np.ones((3, 40, 40), np.uint8))
    labels = make_raster("labels.tif", np.full((1, 40, 40), 77, np.uint8))
    heights = make_raster("dsm.tif", np.full((1, 40, 40), 4321, np.float32))
    report = check(scene, labels=[labels], heights=[heights])
    undeclared, implausible = report.problems
    assert "value 77" in undeclared
    assert "4321" in implausible
    assert len(report.steps) == 1
    assert report.cost is None


def test_a_surface_model_is_no_height_above_ground(make_scene: Make, make_raster: Make) -> None:
    scene = make_scene("a.tif", np.ones((3, 40, 40), np.uint8))
    metres = np.linspace(0, 20, 1600, dtype=np.float32).reshape(1, 40, 40)
    high, low = make_raster("dsm.tif", metres + 60), make_raster("ndsm.tif", metres)
    assert "geosemimtl ndsm" in notes_of(scene, heights=[high])
    assert "geosemimtl ndsm" not in notes_of(scene, heights=[low])
    under = make_raster("under.tif", metres - 40)  # below the sea
    assert "geosemimtl ndsm" in notes_of(scene, heights=[under])


def test_layers_on_grids_of_their_own(make_scene: Make, make_raster: Make) -> None:
    scene = make_scene("a.tif", np.ones((3, 40, 40), np.uint8), gsd=0.1)
    labels = make_raster("labels.tif", np.zeros((1, 80, 80), np.uint8), gsd=0.05)
    heights = make_raster("ndsm.tif", np.zeros((1, 20, 20), np.float32), gsd=0.2)
    report = check(scene, labels=[labels], heights=[heights], options=TileOptions(size_px=32))
    assert [(step.layer, step.how) for step in report.steps] == [
        ("image", "taken as it is"),
        ("labels", "the most frequent class"),
        ("heights", "interpolated linearly"),
    ]
    assert report.steps[1].factor == pytest.approx((2, 2))
    assert report.steps[2].factor == pytest.approx((0.5, 0.5))
    assert report.shifts == {"labels": None, "heights": None}
    assert report.cost is not None
    assert report.cost.bytes_on_disk > 0
    assert report.cost.memory_bytes > 8e7


def test_the_disk_that_tiles_take(make_scene: Make, noise: Noise, tmp_path: Path) -> None:
    scene = make_scene("a.tif", noise(3, 200, 200))
    options = TileOptions(size_px=64)
    report = check(scene, options=options)
    tile([scene], tmp_path / "tiles", options=options)
    written = sum(path.stat().st_size for path in (tmp_path / "tiles" / "image").iterdir())
    assert report.cost is not None
    assert report.cost.bytes_on_disk == pytest.approx(written, rel=0.1)


def test_layers_that_lie_elsewhere(make_scene: Make, make_raster: Make) -> None:
    """Heights like the image, 3 px further east and 2 px further north of where they belong."""
    form = gaussian_filter(np.random.default_rng(0).normal(size=(300, 300)), 2)
    form = (form - form.min()) / np.ptp(form)
    scene = make_scene("a.tif", np.tile(form * 255, (3, 1, 1)).astype(np.uint8), gsd=0.1)
    at = Affine(0.1, 0, 368000 + 0.3, 0, -0.1, 5806000 + 0.2)
    heights = make_raster("h.tif", (form[None] * 2).astype(np.float32), transform=at)
    report = check(scene, heights=[heights])
    assert not report.problems
    (note,) = (note for note in report.notes if "heights lie" in note)
    assert "3.0 px (0.30 m) east and 2.0 px (0.20 m) north of the image" in note
    right = make_raster("right.tif", (form[None] * 2).astype(np.float32), gsd=0.1)
    report = check(scene, heights=[right])
    assert not [note for note in report.notes if "lie" in note]
    assert report.shifts["heights"] is not None


def test_shifts_in_words(make_grid: Callable[..., PixelGrid]) -> None:
    shift = Shift(-0.8, 1.4, 20.0)
    words = describe_shift(shift, make_grid((9, 9), gsd=(0.1, 0.2)))
    assert words == "1.4 px (0.14 m) east and 0.8 px (0.16 m) north"
    turned = describe_shift(shift, make_grid((9, 9), gsd=(0.1, 0.2), degrees=30))
    assert turned == "1.4 px (0.14 m) to the right and 0.8 px (0.16 m) further up"


@pytest.fixture
def learned(tmp_path: Path, make_card: Callable[..., ModelCard]) -> Path:
    """Return a model that learned from dark red, middle green and bright blue."""
    histograms = np.zeros((3, 64), int)
    for band, place in enumerate((10, 30, 50)):
        histograms[band, place] = 100
    statistics = tuple(
        BandStatistics(mean=0.5, std=0.1, percentiles=(0.5,) * 5, histogram=tuple(row))
        for row in histograms.tolist()
    )
    domain = DomainCard(
        name="far",
        scenes=("x",),
        tiles=1,
        supervises=(),
        dtype="uint8",
        value_range=(0, 255),
        statistics=statistics,
    )
    card = make_card(domains=(domain,))
    path = tmp_path / "learned.safetensors"
    save_model(path, build_network(card.network, card.tasks, 3), card)
    return path


def like(order: tuple[int, ...]) -> NDArray[np.uint8]:
    values = np.array([42, 122, 202], np.uint8)[list(order)]
    return np.broadcast_to(values[:, None, None], (3, 40, 40)).copy()


def test_bands_in_another_order_than_learned(make_scene: Make, learned: Path) -> None:
    assert not [
        n for n in check(make_scene("a.tif", like((0, 1, 2))), model=learned).notes if "ban" in n
    ]
    report = check(make_scene("b.tif", like((1, 2, 0))), model=learned)
    assert report.likeness is not None
    # the file's first band looks like green, its second like blue, its third like red
    assert report.likeness.order == ("green", "blue", "red")
    assert report.likeness.order_distance < 0.02 < report.likeness.distance
    assert any("another order" in note for note in report.notes)


def test_values_that_were_never_learned(make_scene: Make, learned: Path) -> None:
    scene = make_scene("a.tif", np.full((3, 40, 40), 255, np.uint8))
    assert "from the nearest training data (far)" in notes_of(scene, model=learned)
    assert check(scene).likeness is None


def test_one_bad_scene_does_not_stop_the_others(make_scene: Make, tmp_path: Path) -> None:
    scene = make_scene("a.tif", np.ones((3, 40, 40), np.uint8))
    missing, fine = check_all(gather_scenes([tmp_path / "no.tif", scene]))
    assert isinstance(missing, Refusal)
    assert "no such file" in missing.problems[0]
    assert not fine.problems
    assert list(missing.document()) == list(fine.document())


def test_check_loads_no_torch(make_scene: Make) -> None:
    scene = make_scene("a.tif", np.ones((3, 40, 40), np.uint8))
    script = (
        "import sys\nfrom pathlib import Path\n"
        "from geosemimtl.cli import cards\n"
        "from geosemimtl.inference.inspection.scenes import check\n"
        f"check(Path({str(scene)!r}))\nsys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
