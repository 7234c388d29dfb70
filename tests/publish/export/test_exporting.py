"""Exported models: what they say beside torch, through predict too, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import rasterio
import torch
from torch import Tensor, nn

from geosemimtl.config import NetworkConfig
from geosemimtl.errors import ConfigError, ModelFileError, OutputError
from geosemimtl.inference.forward import Forward
from geosemimtl.inference.networks import OnnxNetwork, TorchNetwork
from geosemimtl.inference.options import PredictOptions
from geosemimtl.inference.predictor import predict
from geosemimtl.models.network import Output
from geosemimtl.publish.export import exporting
from geosemimtl.publish.export.exporting import Exported, card_for, export
from geosemimtl.tasks import HEIGHT, SEGMENTATION
from geosemimtl.training import onnx_file
from geosemimtl.training.model_file import load_model, read_card

CPU = torch.device("cpu")
PAGE = Path(__file__).parents[3] / "docs" / "exporting.md"
FLOAT32 = PredictOptions(precision="float32")
BOTH = [SEGMENTATION, HEIGHT]


class Tiny(nn.Module):
    """A convolution a task.

    Args:
        fixed: Whether it has a weight for each place, so that there is one size only.
        changing: Whether it says another height while it is exported.
    """

    def __init__(self, *, fixed: bool = False, changing: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.changing = changing
        self.classes = nn.Conv2d(3, 6, 3, padding=1)
        self.height = nn.Conv2d(3, 1, 1)
        self.places = nn.Parameter(torch.rand(1, 3, 64, 64)) if fixed else None

    def forward(self, image: Tensor) -> Output:
        """Predict (B, C, H, W)."""
        if self.places is not None:
            image = image + self.places
        more = 0.01 if self.changing and torch.compiler.is_exporting() else 0
        return Output([], {SEGMENTATION: self.classes(image), HEIGHT: self.height(image) + more})


@pytest.fixture(scope="module")
def apart(
    tmp_path_factory: pytest.TempPathFactory,
    make_model: Callable[..., Path],
    make_domain: Callable[..., Any],
) -> tuple[Path, Exported]:
    """Return a model of two sensors whose statistics are apart, and its export for the second."""
    domains = (make_domain("a"), make_domain("b"))
    folder = tmp_path_factory.mktemp("apart")
    model = make_model(
        folder,
        norm="per_domain",
        encoder="tu-tf_efficientnet_lite0",  # the demo's, whose padding depends on the size
        domains=domains,
        tile_px=80,  # no multiple of 32
        overlap_px=40,
    )
    (made,) = export(model, sensor="b")
    return model, made


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch, make_card: Callable[..., Any], tmp_path: Path) -> Any:
    """Return a function that makes a model file be a tiny network, and returns the file."""

    def use(network: nn.Module | None = None, **changes: Any) -> Path:
        network = (network or Tiny()).eval()
        card = make_card(tile_px=64, overlap_px=32, **changes)
        monkeypatch.setattr(exporting, "load_model", lambda *_: (network, card))
        return tmp_path / "tiny.safetensors"

    return use


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(1, 3, 32, 32), (3, 3, 160, 64), (2, 3, 41, 100)])
def test_any_size_gives_what_torch_gives(
    apart: tuple[Path, Exported], shape: tuple[int, ...]
) -> None:
    model, made = apart
    assert made.multiple_px == 32
    assert list(made.differences) == BOTH
    card = read_card(made.path)
    image = list(torch.randn(shape, generator=torch.Generator().manual_seed(7)))
    exported = Forward(OnnxNetwork(str(made.path), card, made.path), card.tasks)(image)
    ours, other = (
        Forward(TorchNetwork(load_model(model, name)[0], CPU, "float32"), card.tasks)(image)
        for name in ("b", "a")
    )
    assert exported.shape == (shape[0], 6 + 1, *shape[2:])
    torch.testing.assert_close(exported, ours, atol=1e-3, rtol=1e-4)
    assert not torch.allclose(exported, other, atol=0.1), "the sensors should differ"


@pytest.mark.slow
def test_predicting_with_the_export(
    apart: tuple[Path, Exported], make_raster: Callable[..., Path], tmp_path: Path
) -> None:
    """It needs nothing else: the sensor is within it."""
    model, made = apart
    coarse = np.random.default_rng(0).integers(0, 256, (3, 20, 25), np.uint8)
    pixels = np.kron(coarse, np.ones((1, 8, 8), np.uint8))
    scene = make_raster("scene.tif", pixels, names=("red", "green", "blue"), gsd=0.1)
    (exported,) = predict([scene], made.path, output=tmp_path / "exported")
    options = PredictOptions(precision="float32", sensor="b")
    (ours,) = predict([scene], model, output=tmp_path / "ours", options=options)
    for kind, atol in (("height", 0.002), ("confidence", 1), ("segmentation", 0)):
        said, meant = (_read(each.rasters[kind]) for each in (exported, ours))
        assert len(np.unique(meant)) > 1
        np.testing.assert_allclose(said, meant, rtol=1e-4, atol=atol)
    (shared,) = predict(
        [scene], made.path, output=tmp_path / "shared", options=PredictOptions(sensor="b", batch=1)
    )
    np.testing.assert_allclose(
        _read(shared.rasters["height"]), _read(exported.rasters["height"]), rtol=1e-5, atol=1e-3
    )


@pytest.mark.slow
def test_no_folder_is_in_the_file(apart: tuple[Path, Exported]) -> None:
    _, made = apart
    model = onnx.load(made.path)
    onnx.checker.check_model(model)
    assert not any(node.metadata_props or node.doc_string for node in model.graph.node)
    content = made.path.read_bytes()
    assert __file__.encode() not in content
    assert b"site-packages" not in content
    assert model.ir_version == 8


@pytest.mark.slow
def test_the_lines_that_the_page_shows(
    apart: tuple[Path, Exported], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, made = apart
    (tmp_path / "run.onnx").symlink_to(made.path)
    monkeypatch.chdir(tmp_path)
    pixels = np.random.default_rng(0).integers(0, 256, (3, 64, 96), np.uint8)
    lines = PAGE.read_text("utf-8").partition("```python\n")[2].partition("```")[0]
    found = {"pixels": pixels}
    exec(lines, found)  # noqa: S102  (our own)
    network, card = load_model(model, "b")
    mean, std = (np.array(each, np.float32)[:, None, None] for each in (card.mean, card.std))
    image = torch.from_numpy((pixels / np.float32(255) - mean) / std)
    ours = Forward(TorchNetwork(network, CPU, "float32"), card.tasks)([image])[0]
    assert (found["classes"] != ours[:-1].argmax(0).numpy()).mean() < 0.001
    np.testing.assert_allclose(found["metres"], ours[-1], rtol=1e-4, atol=0.002)


def _read(path: Path) -> Any:
    with rasterio.open(path) as raster:
        return raster.read(1).astype(np.float64)


def test_the_same_model_gives_the_same_bytes(tiny: Callable[..., Path]) -> None:
    (first,) = export(tiny())
    before = first.path.read_bytes()
    (again,) = export(tiny(), overwrite=True)
    assert again.path.read_bytes() == before
    assert again == first
    assert first.path.name == "tiny.onnx"


def test_one_task(tiny: Callable[..., Path], make_card: Callable[..., Any]) -> None:
    tasks = make_card().tasks[1:]
    (made,) = export(tiny(tasks=tasks))
    assert list(made.differences) == [HEIGHT]
    (output,) = onnx.load(made.path).graph.output
    assert output.name == HEIGHT


def test_a_network_of_one_size(tiny: Callable[..., Path], caplog: pytest.LogCaptureFixture) -> None:
    (made,) = export(tiny(Tiny(fixed=True)))
    assert (made.multiple_px, made.size_px) == (None, (64, 64))
    assert "the file takes images of 64 x 64 px only: for any size, torch cannot" in caplog.text
    (entry,) = onnx.load(made.path).graph.input
    sides = [dim.dim_value for dim in entry.type.tensor_type.shape.dim]
    assert sides == [0, 3, 64, 64]


def test_an_export_that_says_something_else(
    tiny: Callable[..., Path], one_line: Callable[..., str]
) -> None:
    """By hand: 0.01 of the 30 m that heights are scaled by."""
    model = tiny(Tiny(changing=True))
    with pytest.raises(ModelFileError, match=r"another height than torch \(by 0\.3\)") as caught:
        export(model)
    assert str(model) in one_line(caught.value)
    assert list(model.parent.iterdir()) == []


class Choosing(Tiny):
    """Its way depends on the pixels, which no graph can say."""

    def forward(self, image: Tensor) -> Output:
        """Predict (B, C, H, W)."""
        return super().forward(image if image.sum().item() > 1 else -image)


def test_a_network_that_cannot_be_exported(
    tiny: Callable[..., Path],
    one_line: Callable[..., str],
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    model = tiny(Choosing())
    with pytest.raises(ModelFileError, match="torch cannot export it as ONNX") as caught:
        export(model)
    message = one_line(caught.value)
    assert message.startswith(f"{model}: ")
    assert "Could not guard on data-dependent expression" in message
    assert capfd.readouterr() == ("", ""), "torch prints the graph"
    assert "the file takes" not in caplog.text, "there is none"
    assert list(model.parent.iterdir()) == []


def test_rounding_is_no_other_result(tiny: Callable[..., Path]) -> None:
    """Heights of some thousand kilometres, of which float32 has no centimetres."""
    network = Tiny()
    with torch.no_grad():
        network.height.weight *= 1e5
    (made,) = export(tiny(network))
    assert made.differences[HEIGHT] > exporting.TOLERANCES[HEIGHT]


def test_weights_that_are_no_numbers(tiny: Callable[..., Path]) -> None:
    network = Tiny()
    with torch.no_grad():
        next(network.parameters()).fill_(float("nan"))
    with pytest.raises(ModelFileError, match=r"gives another segmentation than torch \(by nan\)"):
        export(tiny(network))


def test_what_is_refused(
    make_model: Callable[..., Path],
    make_domain: Callable[..., Any],
    tmp_path: Path,
    one_line: Callable[[BaseException], str],
) -> None:
    """Before anything is exported, and nothing is written."""
    apart = make_model(tmp_path, norm="per_domain", domains=(make_domain("a"), make_domain("b")))
    there = tmp_path / "there.onnx"
    there.write_bytes(b"mine")
    for arguments, kind, said in (
        ({"model": apart}, ConfigError, "say with --sensor which took the scene, of a, b"),
        ({"model": apart, "sensor": "c"}, ConfigError, "--sensor c: the model learned from a, b"),
        ({"model": apart, "sensor": "a", "output": there}, OutputError, "--overwrite"),
        (
            {"model": apart, "sensor": "a", "output": apart, "overwrite": True},
            OutputError,
            "small.safetensors: is no name of an ONNX file; call it small.onnx",
        ),
        ({"model": there}, ModelFileError, "is an exported model"),
        ({"model": tmp_path / "no.safetensors"}, ModelFileError, "no such model file"),
    ):
        before = sorted(tmp_path.iterdir())
        with pytest.raises(kind) as caught:
            export(**arguments)
        assert said in one_line(caught.value)
        assert sorted(tmp_path.iterdir()) == before
    assert there.read_bytes() == b"mine"


def test_without_the_packages(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, one_line: Callable[[BaseException], str]
) -> None:
    monkeypatch.setattr(onnx_file, "find_spec", lambda name: None if "runtime" in name else name)
    (tmp_path / "a.onnx").touch()
    for action in (export, read_card):
        with pytest.raises(ConfigError) as caught:
            action(tmp_path / "a.onnx")
        message = one_line(caught.value)
        assert "need onnxruntime: pip install 'geosemimtl[onnx]'" in message


def test_the_card_of_one_sensor(
    make_card: Callable[..., Any], make_domain: Callable[..., Any]
) -> None:
    domains = (make_domain("a"), make_domain("b", dtype="uint16", value_range=(0, 4000)))
    config = NetworkConfig(encoder="resnet18", weights=None, norm="per_domain")
    card = make_card(domains=domains, dtype=None, value_range=None, network=config)
    alone = card_for(card, "b")
    assert (alone.dtype, alone.value_range, alone.domains) == ("uint16", (0, 4000), domains[1:])
    assert alone.domain(None) is None, "nobody is asked for the sensor any more"
    assert card_for(make_card(), None) == make_card()
