"""What torch can do and an exported model cannot, and files that cannot be run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper

from geosemimtl.errors import ConfigError, ModelFileError
from geosemimtl.inference.networks import OnnxNetwork, TorchNetwork, kind_of
from geosemimtl.inference.options import PredictOptions
from geosemimtl.inference.predictor import predict
from geosemimtl.tasks import HEIGHT, SEGMENTATION
from geosemimtl.training.model_file import CARD_KEY, ModelCard, load_model, read_card


def _graph(card: ModelCard) -> Any:
    """Return an ONNX model by hand: the class is the brightest band, the height the first one."""
    shape: tuple[Any, ...] = ("batch", 3, "rows", "cols")
    maps = helper.make_graph(
        [
            helper.make_node("Mul", ["image", "ten"], [SEGMENTATION]),
            helper.make_node("Slice", ["image", "zero", "one", "one"], [HEIGHT]),  # of the bands,
        ],
        "by_hand",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)],
        [
            helper.make_tensor_value_info(SEGMENTATION, TensorProto.FLOAT, shape),
            helper.make_tensor_value_info(HEIGHT, TensorProto.FLOAT, ("batch", 1, *shape[2:])),
        ],
        [
            helper.make_tensor("ten", TensorProto.FLOAT, (), [10.0]),
            helper.make_tensor("zero", TensorProto.INT64, (1,), [0]),
            helper.make_tensor("one", TensorProto.INT64, (1,), [1]),
        ],
    )
    model = helper.make_model(maps, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    model.metadata_props.add(key=CARD_KEY, value=card.model_dump_json())
    return model


@pytest.fixture
def exported(tmp_path: Path, make_card: Callable[..., ModelCard]) -> Path:
    """Return an ONNX file whose outputs are known."""
    path = tmp_path / "hand.onnx"
    path.write_bytes(_graph(make_card()).SerializeToString())
    return path


def test_the_kind_follows_from_the_file() -> None:
    assert kind_of(Path("a.safetensors")) is TorchNetwork
    assert kind_of(Path("a.onnx")) is OnnxNetwork


def test_an_exported_model_predicts_what_torch_does(
    exported: Path,
    pointwise: Callable[..., Any],
    make_scene: Callable[..., Path],
    noise: Callable[..., Any],
    tmp_path: Path,
) -> None:
    """The network by hand is the tests' pointwise one."""
    scene = make_scene("scene.tif", noise(3, 70, 90))
    options = PredictOptions(tta=True, precision="float32")
    (onnx,) = predict([scene], exported, output=tmp_path / "onnx", options=options)
    pointwise()
    (ours,) = predict([scene], Path("any.safetensors"), output=tmp_path / "torch", options=options)
    for kind, path in ours.rasters.items():
        assert onnx.rasters[kind].read_bytes() == path.read_bytes(), kind


def test_threads_are_torchs(exported: Path) -> None:
    network, _ = OnnxNetwork.opened(exported, "cpu", "float32", PredictOptions())
    image = torch.rand(1, 3, 40, 50)
    before = torch.get_num_threads()
    try:
        first = network(image)[HEIGHT]
        torch.set_num_threads(before + 1)
        again = network(image)[HEIGHT]
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(first, image[:, :1])
    np.testing.assert_array_equal(again, first)


@pytest.mark.parametrize(
    ("options", "devices", "said"),
    [
        ({"adapt_bn": True}, ["cpu"], "--adapt-bn: an ONNX file has its statistics"),
        ({"precision": "bfloat16"}, ["cpu"], "--precision bfloat16: an ONNX file calculates in"),
        ({"compiled": True}, ["cpu"], "--compile: an ONNX file is compiled when"),
        ({}, ["cuda:0", "cpu"], "--devices cuda:0: an ONNX file is run on the processor"),
        ({"precision": "int8"}, ["cpu"], "choose from auto"),
    ],
)
def test_what_only_torch_can(
    options: dict[str, Any],
    devices: list[str],
    said: str,
    one_line: Callable[[BaseException], str],
) -> None:
    with pytest.raises(ConfigError) as caught:
        OnnxNetwork.precision(PredictOptions(**options), devices)
    assert said in one_line(caught.value)
    assert OnnxNetwork.precision(PredictOptions(), ["cpu", "cpu"]) == "float32"


def test_files_that_cannot_be_run(
    exported: Path,
    make_card: Callable[..., ModelCard],
    tmp_path: Path,
    one_line: Callable[[BaseException], str],
) -> None:
    broken, cut, odd = (tmp_path / f"{name}.onnx" for name in ("broken", "cut", "odd"))
    broken.write_bytes(_graph(make_card()).SerializeToString().replace(b"Slice", b"Slyce"))
    cut.write_bytes(exported.read_bytes()[:-5])
    odd.write_bytes(b"")
    for path, said in (
        (broken, "onnxruntime cannot read it"),
        (cut, "is no whole ONNX file"),
        (odd, "carries no geosemimtl model card; it is another program's, or for Deepness"),
    ):
        with pytest.raises(ModelFileError) as caught:
            OnnxNetwork.opened(path, "cpu", "float32", PredictOptions())
        assert said in one_line(caught.value)
        assert str(path) in str(caught.value)
    with pytest.raises(ModelFileError, match="is an exported model"):
        load_model(exported)
    assert read_card(exported) == make_card()
    with pytest.raises(ConfigError, match="--sensor a: the model learned from none"):
        OnnxNetwork.opened(exported, "cpu", "float32", PredictOptions(sensor="a"))
