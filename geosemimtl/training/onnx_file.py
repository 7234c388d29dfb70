"""What an ONNX file says of itself. The packages for such files are an extra of this one."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from geosemimtl.errors import ConfigError, ModelFileError

SUFFIX = ".onnx"
_PACKAGES = ("onnx", "onnxruntime", "onnxscript")


def require_onnx() -> None:
    """Refuse to go on without the packages that write, read and run ONNX files.

    Raises:
        ConfigError: One of them is not installed.
    """
    missing = [name for name in _PACKAGES if find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"ONNX files need {', '.join(missing)}: pip install 'geosemimtl[onnx]', "
            "or use the .safetensors"
        )


def onnx_metadata(path: Path) -> dict[str, str]:
    """Return the metadata of an ONNX file.

    Raises:
        ConfigError: As ``require_onnx``.
        ModelFileError: It is none, or not whole.
    """
    require_onnx()
    import onnx  # noqa: PLC0415  (an extra)

    try:
        model = onnx.load(path, load_external_data=False)
    except Exception as error:  # of the disk, or protobuf's own
        raise ModelFileError(
            f"{path}: is no whole ONNX file ({error}); copy it again or export it anew"
        ) from error
    return {entry.key: entry.value for entry in model.metadata_props}
