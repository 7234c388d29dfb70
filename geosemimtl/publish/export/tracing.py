"""A module of torch as an ONNX graph."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from typing import Any

import torch
from torch import nn

from geosemimtl.errors import ModelFileError
from geosemimtl.inference.networks import INPUT
from geosemimtl.models.padding import constant_padding

#: Of 2022: read by every onnxruntime from 1.14 on, such as those beside older QGIS.
_OPSET, _FORMAT = 18, 8
#: What torch notes beside each node: names of its own, and the folders of its source code.
_NOTES = ("metadata_props", "doc_string")


def onnx_graph(
    module: nn.Module,
    shape: tuple[int, int, int, int],
    outputs: Sequence[str],
    free: Mapping[int, Any],
    metadata: Mapping[str, str],
) -> bytes:
    """Return what an ONNX file of a module holds.

    Args:
        module: In evaluation mode; maps images (B, C, H, W) to a tuple of tensors.
        shape: Of the images that it is traced with.
        outputs: Names of the tensors.
        free: By axis of the images, the ``torch.export.Dim`` of those that may have any size.
        metadata: Of the file.

    Raises:
        ModelFileError: torch cannot say it as ONNX, or not for any such size.
    """
    try:
        with _quiet(), constant_padding():
            program = torch.onnx.export(
                module,
                (torch.zeros(shape),),
                input_names=[INPUT],
                output_names=list(outputs),
                opset_version=_OPSET,
                dynamic_shapes=(dict(free),) if free else None,
                dynamo=True,
                verbose=False,
            )
        assert program is not None  # noqa: S101  (it is what dynamo=True returns)
        return _serialised(program.model_proto, metadata)
    except Exception as error:  # of torch, onnxscript or protobuf: no base in common
        raise ModelFileError(
            f"torch cannot export it as ONNX ({_reason(error)}); predict with the .safetensors"
        ) from error


def _reason(error: BaseException) -> str:
    """Return the first line of what began it: outer errors are advice for torch's developers."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:300]


def _serialised(model: Any, metadata: Mapping[str, str]) -> bytes:
    for part in _noted(model):
        for name in _NOTES:
            part.ClearField(name)
    model.ir_version = _FORMAT
    for key, value in metadata.items():
        model.metadata_props.add(key=key, value=value)
    graph: bytes = model.SerializeToString(deterministic=True)
    return graph


def _noted(message: Any) -> Iterator[Any]:
    """Yield every part of a model that may carry notes, from the inside to the outside."""
    for field, value in message.ListFields():
        if field.message_type is not None and field.name not in _NOTES:
            for part in (value,) if hasattr(value, "ListFields") else value:
                yield from _noted(part)
    if all(name in message.DESCRIPTOR.fields_by_name for name in _NOTES):
        yield message


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep torch's remarks to itself: what matters is an error, or found by the check.

    Where it fails it prints graphs of many pages.
    """
    loggers = [logging.getLogger(name) for name in ("torch", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), redirect_stderr(StringIO()), redirect_stdout(StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
