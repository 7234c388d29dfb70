"""Running a network on batches of tiles."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
import pytest
import torch

from geosemimtl.cli.predict import command
from geosemimtl.errors import ConfigError
from geosemimtl.inference.forward import PRECISIONS, Forward, resolved
from geosemimtl.training.model_file import load_model

CPU = torch.device("cpu")


def test_auto_is_what_the_processor_has(monkeypatch: pytest.MonkeyPatch) -> None:
    for has, meant in ((True, "bfloat16"), (False, "float32")):
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda has=has: has)
        assert resolved("auto", CPU) == meant
        assert resolved("float32", CPU) == "float32"
        assert resolved("bfloat16", CPU) == "bfloat16"


def test_an_unknown_precision(one_line: Callable[[BaseException], str]) -> None:
    with pytest.raises(ConfigError, match="--precision int8: choose from auto, float32") as caught:
        resolved("int8", CPU)
    one_line(caught.value)


def test_bfloat16_is_close_to_float32(model_file: Path) -> None:
    network, card = load_model(model_file)
    random = np.random.default_rng(0)
    pixels = random.random((2, 3, 64, 64), np.float32)
    observed = random.random((2, 64, 64)) > 0.1
    exact, half = (Forward(network, card, CPU, name)(pixels, observed) for name in PAIR)
    assert exact.dtype == half.dtype == np.float32
    assert exact.shape == half.shape == (2, 3 + 1 + 1, 64, 64)
    np.testing.assert_allclose(half[:, :3], exact[:, :3], atol=0.02)
    np.testing.assert_allclose(half[:, 3], exact[:, 3], atol=0.02 * exact[:, 3].max() + 1e-3)
    assert not np.array_equal(half, exact), "bfloat16 was not used"
    np.testing.assert_array_equal(half[:, -1], observed)
    np.testing.assert_allclose(half[:, :3].sum(axis=1), 1, atol=1e-5)


PAIR = ("float32", "bfloat16")


def test_the_command_offers_them_all() -> None:
    """It names them itself: to ask here it would load torch."""
    (option,) = (each for each in command.params if each.name == "precision")
    assert isinstance(option.type, click.Choice)
    assert tuple(option.type.choices) == PRECISIONS
