"""Trainings from tile sets to a model file."""

from __future__ import annotations

import csv
import importlib.resources
import signal
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import LightningModule

from geosemimtl.classes import LandClass, class_map_of
from geosemimtl.data.tiles import DomainTiles
from geosemimtl.errors import GeoSemiMTLError, OutputError, TileSetError
from geosemimtl.tasks import Quantity
from geosemimtl.training import trainer as trainer_module
from geosemimtl.training.config import TrainConfig, load_config
from geosemimtl.training.fitting import precision_of
from geosemimtl.training.model_file import load_model, read_card
from geosemimtl.training.trainer import train

Tiny = Callable[..., TrainConfig]
Cut = Callable[..., Path]
OneLine = Callable[[BaseException], str]
SHIPPED = sorted(
    file.name
    for file in importlib.resources.files("geosemimtl.configs").iterdir()
    if file.name.endswith(".yaml")
)


def _domains(**tiles: Path) -> list[dict[str, Any]]:
    return [{"name": name, "tiles": folder} for name, folder in tiles.items()]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, tiny: Tiny) -> Path:
    """Return the folder of a finished run."""
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    train(tiny(iterations=12, crop_px=32), folder)
    return folder


def test_a_run_leaves_a_model_its_configuration_and_its_losses(run: Path, tiny: Tiny) -> None:
    assert {path.name for path in run.iterdir()} == {
        "tiny.safetensors",
        "config.yaml",
        "metrics.csv",
        "README.md",
        "tensorboard",
    }
    assert load_config(run / "config.yaml") == tiny(iterations=12, crop_px=32)
    with (run / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["9"]
    assert set(rows[0]) == {
        "step",
        "potsdam/segmentation",
        "potsdam/segmentation/intra",
        "potsdam/segmentation/discriminator/prediction",
        "potsdam/segmentation/discriminator/truth",
        "potsdam/height/inter",
        "potsdam/height/discriminator/prediction",
        "vaihingen/height",
        "vaihingen/height/intra",
        "vaihingen/height/discriminator/prediction",
        "vaihingen/height/discriminator/truth",
        "vaihingen/segmentation/inter",
        "vaihingen/segmentation/discriminator/prediction",
    }
    assert all(0 < float(value) < 100 for value in rows[0].values())


def test_a_run_explains_itself(
    tmp_path: Path, tiny: Tiny, monkeypatch: pytest.MonkeyPatch, one_line: OneLine
) -> None:
    """From its start on; without a folder of the machine, or what somebody else wrote."""
    path = tmp_path / "run" / "README.md"
    begun: list[str] = []

    def fit(*_: object, **__: object) -> None:
        begun.append(path.read_text())

    monkeypatch.setattr(trainer_module, "fit", fit)
    train(tiny(iterations=1, crop_px=32), path.parent, command="geosemimtl train x.yaml")
    ended = path.read_text()
    assert "has not come to its end" in begun[0]
    assert "has not come to its end" not in ended
    assert "    geosemimtl train x.yaml\n" in ended
    assert str(tmp_path) not in ended
    named = {
        line.split("`")[1].rstrip("/") for line in ended.splitlines() if line.startswith("| `")
    }
    assert {file.name for file in path.parent.iterdir()} <= named | {"README.md"}
    path.write_text("mine")
    with pytest.raises(OutputError, match="never replaced") as caught:
        train(tiny(iterations=1, crop_px=32), path.parent, overwrite=True)
    assert str(path) in one_line(caught.value)
    assert path.read_text() == "mine"


def test_the_card_says_what_the_model_is(run: Path, tiny: Tiny, seg_tiles: Path) -> None:
    card = read_card(run / "tiny.safetensors")
    assert [task.name for task in card.tasks] == ["segmentation", "height"]
    # 10.1 m and up: the next whole metre
    assert card.tasks[1] == Quantity(name="height", scale=11)
    assert card.gsd_m == pytest.approx(0.1)
    assert (card.tile_px, card.overlap_px) == ((64, 64), 32)
    assert (card.bands, card.dtype, card.value_range) == (
        ("red", "green", "blue"),
        "uint8",
        (0, 255),
    )
    assert [(d.name, d.scenes, d.tiles, d.supervises) for d in card.domains] == [
        ("potsdam", ("scene",), 4, ("segmentation",)),
        ("vaihingen", ("scene",), 4, ("height",)),
    ]
    both = [DomainTiles(domain.tiles, ()).tileset.statistics for domain in tiny().domains]
    assert card.mean[1] == pytest.approx((both[0][1].mean + both[1][1].mean) / 2)
    assert all(0.05 < std < 0.5 for std in card.std)
    text = card.model_dump_json()
    assert str(seg_tiles.parent) not in text
    assert '"tiles":"tiles"' in text
    assert "/" not in text.replace("segmentation/", "")
    assert set(card.versions) >= {"python", "torch", "geosemimtl"}


def test_the_card_names_a_weights_file_without_its_folder(
    tmp_path: Path, run: Path, tiny: Tiny
) -> None:
    state = load_model(run / "tiny.safetensors")[0].encoder.backbone.state_dict()
    torch.save(state, tmp_path / "start.pth")
    network = tiny().network.model_copy(update={"weights": str(tmp_path / "start.pth")})
    path = train(tiny(network=network, iterations=1, crop_px=32), tmp_path / "run")
    card = read_card(path)
    assert card.network.weights == "start.pth"
    assert str(tmp_path) not in card.model_dump_json()
    load_model(path)


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path, tiny: Tiny) -> None:
    changes = {"augmentation": {"jitter": 0.2}, "crop_px": 32}
    torch.manual_seed(5)  # what a caller did before has no influence
    one = train(tiny(**changes), tmp_path / "one")
    torch.rand(3)
    two = train(tiny(**changes), tmp_path / "two")
    other = train(tiny(**changes, seed=1), tmp_path / "other")
    assert one.read_bytes() == two.read_bytes()
    assert one.read_bytes() != other.read_bytes()
    assert (tmp_path / "one/metrics.csv").read_bytes() == (
        tmp_path / "two/metrics.csv"
    ).read_bytes()


def test_the_network_learns(tmp_path: Path, tiny: Tiny) -> None:
    decoder = {"name": "unet", "channels": 32}
    network = {"encoder": "resnet18", "weights": None, "output_stride": 32}
    config = tiny(
        method={"name": "jtl"},
        network=network | {"segmentation": decoder, "height": decoder},
        iterations=20,
        crop_px=32,
        augmentation={"scale": [1, 1], "rotate": "quarter"},
        weights={"height": 1},
        optimiser={"name": "adamw", "lr": 0.005, "warmup": 2, "clip_norm": 5},
    )
    train(config, tmp_path)
    with (tmp_path / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["9", "19"]
    assert float(rows[-1]["potsdam/segmentation"]) < 0.8  # chance: log 3 = 1.1
    assert float(rows[-1]["vaihingen/height"]) < 0.85 * float(rows[0]["vaihingen/height"])


@pytest.mark.parametrize("shipped", SHIPPED)
def test_every_shipped_configuration_trains_one_step(
    tmp_path: Path,
    shipped: str,
    seg_tiles: Path,
    height_tiles: Path,
    street_tiles: Mapping[str, Path],
) -> None:
    tiles: dict[tuple[str, ...], Path] = {
        ("segmentation",): seg_tiles,
        ("height",): height_tiles,
        ("disparity",): street_tiles["rendered"],
    }
    source = importlib.resources.files("geosemimtl.configs") / shipped
    with importlib.resources.as_file(source) as path:
        whole = load_config(path)
        streets = "disparity" in whole.tasks
        folders = [
            street_tiles["camera"]
            if streets and domain.supervises == ("segmentation",)
            else tiles[domain.supervises or ()]
            for domain in whole.domains
        ]
        config = load_config(
            path,
            [
                "network.encoder=resnet18",
                "network.weights=null",
                *(
                    f"network.{task}={{name: {whole.network.decoder(task).name}, channels: 16}}"
                    for task in whole.tasks
                ),
                "iterations=1",
                "batch=2",
                "crop_px=32",
                *(f"domains.{k}.tiles={folder}" for k, folder in enumerate(folders)),
            ],
        )
    card = read_card(train(config, tmp_path))
    assert [task.name for task in card.tasks] == list(whole.tasks)
    assert (card.gsd_m is None) == streets


def test_one_task_from_one_domain(tmp_path: Path, tiny: Tiny, height_tiles: Path) -> None:
    config = tiny(tasks=["height"], domains=_domains(b=height_tiles), method={"name": "jtl"})
    network, card = load_model(train(config, tmp_path))
    assert list(network(torch.zeros(1, 3, 64, 64)).logits) == ["height"]
    assert card.tasks[0].name == "height"


def test_a_domain_without_any_label(tmp_path: Path, tiny: Tiny, seg_tiles: Path) -> None:
    domains = [
        {"name": "a", "tiles": seg_tiles},
        {"name": "b", "tiles": seg_tiles, "supervises": []},
    ]
    for mode in ("M1", "M3"):
        config = tiny(
            tasks=["segmentation"],
            domains=domains,
            method={"name": "semimtl", "width": 8, "mode": mode},
            class_balance=0.5,
            crop_px=32,
        )
        card = read_card(train(config, tmp_path / mode))
        assert [domain.supervises for domain in card.domains] == [("segmentation",), ()]


def test_epochs_count_the_first_domains_tiles(tmp_path: Path, tiny: Tiny) -> None:
    counted: list[int] = []

    def track(items: Iterable[Any], label: str, total: int) -> Iterable[Any]:
        assert label == "training"
        counted.append(total)
        yield from items

    train(tiny(iterations=None, epochs=2, batch=3, crop_px=32), tmp_path, track=track)
    assert counted == [2 * 2]


def test_the_tracker_sees_every_iteration(tmp_path: Path, tiny: Tiny) -> None:
    seen: list[Any] = []

    def track(items: Iterable[Any], label: str, total: int) -> Iterable[Any]:
        for item in items:
            seen.append(item)
            yield item
        seen.append((label, total))

    train(tiny(iterations=3, crop_px=32), tmp_path, track=track)
    assert seen == [0, 1, 2, ("training", 3)]


def test_a_run_is_not_replaced_unasked(tmp_path: Path, tiny: Tiny, one_line: OneLine) -> None:
    folder = tmp_path / "run"
    config = tiny(iterations=1, crop_px=32)
    path = train(config, folder)
    before = path.read_bytes()
    with pytest.raises(OutputError, match="--overwrite") as caught:
        train(config, folder)
    assert str(path) in one_line(caught.value)
    with pytest.raises(OutputError, match=r"config\.yaml"):  # another name, the same folder
        train(config.model_copy(update={"name": "other"}), folder)
    assert path.read_bytes() == before
    train(config.model_copy(update={"seed": 1}), folder, overwrite=True)
    assert path.read_bytes() != before
    assert len((folder / "metrics.csv").read_text().splitlines()) == 2


def test_an_interrupted_training_leaves_no_model(tmp_path: Path, tiny: Tiny) -> None:
    closed: list[bool] = []

    def track(items: Iterable[Any], label: str, total: int) -> Iterable[Any]:  # noqa: ARG001  (a tracker's signature)
        try:
            for item in items:
                if item == 1:
                    raise KeyboardInterrupt
                yield item
        finally:
            closed.append(True)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        train(tiny(crop_px=32), tmp_path, track=track)
    assert {path.name for path in tmp_path.iterdir()} <= {
        "metrics.csv",
        "README.md",
        "tensorboard",
        ".tiny.training.part",
    }
    assert signal.getsignal(signal.SIGINT) is before
    assert closed == [True]
    train(tiny(crop_px=32), tmp_path)  # and the next one needs no --overwrite
    assert not list(tmp_path.glob(".*"))


def test_an_exit_that_is_no_interruption_stays_one(
    tmp_path: Path, tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    def leave(*_: object, **__: object) -> None:
        raise SystemExit(3)

    monkeypatch.setattr("geosemimtl.training.module.run_iteration", leave)
    with pytest.raises(SystemExit) as caught:
        train(tiny(crop_px=32), tmp_path)
    assert caught.value.code == 3


@pytest.mark.parametrize("workers", [0, 1])
def test_a_damaged_tile_stops_the_training(
    tmp_path: Path, cut_domain: Cut, tiny: Tiny, one_line: OneLine, workers: int
) -> None:
    folder = cut_domain("damaged", labels=True)
    name = DomainTiles(folder, ()).names[2]
    (folder / "image" / name).write_text("no raster")
    config = tiny(tasks=["segmentation"], domains=_domains(a=folder), workers=workers, crop_px=32)
    with pytest.raises(TileSetError) as caught:
        train(config, tmp_path)
    message = one_line(caught.value)
    assert message.startswith(f"{folder}: tile image/{name} cannot be read")
    assert not list(tmp_path.glob("*.safetensors"))


def test_workers_change_nothing(tmp_path: Path, tiny: Tiny) -> None:
    models = [
        load_model(train(tiny(workers=workers, crop_px=32), tmp_path / str(workers)))[0]
        for workers in (0, 1)
    ]
    for one, other in zip(*(model.state_dict().values() for model in models), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"gsd_m": 0.11}, "gsd_m is 0.11"),
        ({"bands": ("nir", "red", "green")}, "bands is ('nir', 'red', 'green')"),
        ({"size_px": 80}, "size_px is (80, 80)"),
    ],
)
def test_tile_sets_must_fit_each_other(
    tmp_path: Path,
    cut_domain: Cut,
    tiny: Tiny,
    seg_tiles: Path,
    one_line: OneLine,
    options: dict[str, Any],
    expected: str,
) -> None:
    other = cut_domain("other", heights=True, **options)
    with pytest.raises(TileSetError) as caught:
        train(tiny(domains=_domains(a=seg_tiles, b=other)), tmp_path / "run")
    message = one_line(caught.value)
    assert expected in message
    assert str(other) in message
    assert str(seg_tiles) in message


def test_sensors_of_two_pixel_types(
    tmp_path: Path, cut_domain: Cut, tiny: Tiny, seg_tiles: Path
) -> None:
    other = cut_domain("other", heights=True, dtype="uint16", value_range=(0, 1000))
    card = read_card(train(tiny(domains=_domains(a=seg_tiles, b=other)), tmp_path / "run"))
    assert (card.dtype, card.value_range) == (None, None)
    found = [(domain.dtype, domain.value_range) for domain in card.domains]
    assert found == [("uint8", (0, 255)), ("uint16", (0, 1000))]


def test_classes_must_be_the_same(
    tmp_path: Path, cut_domain: Cut, tiny: Tiny, seg_tiles: Path, classes: Any, one_line: OneLine
) -> None:
    renamed = classes.entries[2].model_copy(update={"name": "shrub"})
    other = classes.model_copy(update={"entries": (*classes.entries[:2], renamed)})
    folder = cut_domain("shrubs", labels=True, classes=class_map_of(other))
    config = tiny(tasks=["segmentation"], domains=_domains(a=seg_tiles, b=folder))
    with pytest.raises(TileSetError, match=r"its classes are .*shrub, those of .*: cut") as caught:
        train(config, tmp_path)
    one_line(caught.value)


def test_classes_without_a_pixel_are_told(
    tmp_path: Path, cut_domain: Cut, tiny: Tiny, classes: Any, caplog: pytest.LogCaptureFixture
) -> None:
    more = classes.model_copy(
        update={"entries": (*classes.entries, LandClass(name="glacier", color="#123456"))}
    )
    folder = cut_domain("cold", labels=True, classes=class_map_of(more))
    train(tiny(tasks=["segmentation"], domains=_domains(a=folder)), tmp_path)
    assert "no training pixel is glacier: the model will not know it" in caplog.text


def test_crops_must_fit_into_tiles(tmp_path: Path, tiny: Tiny, one_line: OneLine) -> None:
    with pytest.raises(TileSetError, match="64 x 64 px are smaller than crops of 65") as caught:
        train(tiny(crop_px=65), tmp_path)
    one_line(caught.value)


def test_a_task_needs_a_domain(
    tmp_path: Path, tiny: Tiny, seg_tiles: Path, one_line: OneLine
) -> None:
    with pytest.raises(TileSetError, match="no domain supervises height") as caught:
        train(tiny(domains=_domains(a=seg_tiles)), tmp_path)
    one_line(caught.value)


def test_a_missing_tile_set_is_told_before_anything_is_made(tmp_path: Path, tiny: Tiny) -> None:
    config = tiny(domains=_domains(a=tmp_path / "nothing"))
    with pytest.raises(GeoSemiMTLError, match="is no tile set"):
        train(config, tmp_path / "run")
    assert not (tmp_path / "run" / "metrics.csv").exists()


def test_class_weights_average_to_1_over_labelled_pixels(
    tmp_path: Path, tiny: Tiny, seg_tiles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modules: list[Any] = []

    def keep(module: LightningModule, *_: object, **__: object) -> None:
        modules.append(module)

    monkeypatch.setattr(trainer_module, "fit", keep)
    pixels = torch.tensor(DomainTiles(seg_tiles, ()).tileset.class_pixels).double()
    share = pixels / pixels.sum()
    train(tiny(class_balance=0.5, iterations=1, crop_px=32), tmp_path / "half")
    weights = modules[0].class_weights.double()
    assert (share * weights).sum().item() == pytest.approx(1)
    ratio = (weights[0] / weights[1]).item()
    assert ratio == pytest.approx(((share[1] / share[0]) ** 0.5).item())
    train(tiny(class_balance=0, iterations=1, crop_px=32), tmp_path / "alike")
    assert modules[1].class_weights is None


def test_precisions(monkeypatch: pytest.MonkeyPatch) -> None:
    assert precision_of("float32") == "32-true"
    assert precision_of("bfloat16") == "bf16-mixed"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert precision_of("auto") == "32-true"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: True)
    assert precision_of("auto") == "bf16-mixed"
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: False)
    assert precision_of("auto") == "32-true"
