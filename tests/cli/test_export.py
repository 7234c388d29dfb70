"""``geosemimtl export``, and what the other commands make of its files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from geosemimtl.models.network import Output
from geosemimtl.publish.export import exporting
from geosemimtl.training.model_file import read_card

Run = Callable[..., Any]
MODEL = "runs/tiny/tiny.safetensors"


class Tiny(nn.Module):
    """A convolution a task, which torch exports in seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.classes, self.height = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(3, 1, 1)

    def forward(self, image: Tensor) -> Output:
        """Predict (B, C, H, W)."""
        return Output([], {"segmentation": self.classes(image), "height": self.height(image)})


@pytest.fixture(autouse=True)
def model(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the trained model's file, whose network is a tiny one."""
    torch.manual_seed(0)
    network, card = Tiny().eval(), read_card(place / MODEL)
    monkeypatch.setattr(exporting, "load_model", lambda *_: (network, card))
    return place / MODEL


def test_export_info_check_predict(run: Run, place: Path, model: Path) -> None:
    done = run("export", MODEL, "-o", "given.onnx")
    assert done.code == 0
    assert "wrote given.onnx: images of any height and width in multiples of 32 px" in done.err
    assert "differs from torch at most: segmentation by " in done.err
    assert json.loads(run("info", "given.onnx", "--json").out) == json.loads(
        run("info", model, "--json").out
    )
    assert run("check", "c.tif", "--model", "given.onnx", "--bands", "red,green,blue").code == 0
    predicted = ("predict", "c.tif", "--model", "given.onnx", "-o", "out")
    done = run(*predicted, "--bands", "red,green,blue")
    assert done.code == 0, done.err
    assert (place / "out" / "c_height.tif").is_file()
    done = run("export", MODEL, "-o", "given.onnx")
    assert (done.code, done.err.splitlines()[-1]) == (
        1,
        "Error: given.onnx: exists already; pass --overwrite to replace it",
    )


def test_deepness_in_words(run: Run) -> None:
    done = run("export", MODEL, "--deepness", "-o", "words.onnx")
    assert done.code == 0
    heights = done.err.split("words_deepness_height.onnx: ")[1]
    assert heights.startswith("images of 64 x 64 px; differs from torch at most: height by ")
    assert heights.rstrip().endswith(" m")


def test_deepness_as_json(run: Run) -> None:
    done = run("export", MODEL, "--deepness", "-o", "plugin.onnx", "--json")
    assert done.code == 0
    made = json.loads(done.out)
    assert [each["path"] for each in made] == [
        "plugin_deepness_segmentation.onnx",
        "plugin_deepness_height.onnx",
    ]
    assert [each["multiple_px"] for each in made] == [None, None]
    assert all(each["size_px"] == [64, 64] for each in made)
    assert not Path("plugin.onnx").exists()
    assert "carries no geosemimtl model card" in run("info", made[0]["path"]).err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("predict", "c.tif", "--model", "a.onnx"), 1, "a.onnx: no such model file"),
        (("export", "a.safetensors", "-o", "there.onnx"), 1, "pass --overwrite to replace it"),
        (("export", MODEL, "--format", "tflite"), 2, "is not 'onnx'"),
        (("train", "tiny.yaml", "--init", "there.onnx", "-o", "new"), 1, "carries no geosemimtl"),
    ],
)
def test_wrong_calls(
    run: Run, place: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    (place / "there.onnx").touch()
    done = run(*arguments)
    assert done.code == code
    assert said in done.err
    assert not (place / "new").exists()
