"""Files that readers decode are rasters from then on."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from geosemimtl.classes import IGNORE
from geosemimtl.errors import SceneError
from geosemimtl.raster import decoding
from geosemimtl.raster.decoding import decoded
from geosemimtl.raster.grid import PixelGrid
from geosemimtl.raster.scene import NOWHERE, open_scene

OneLine = Callable[[BaseException], str]


def load(path: Path) -> NDArray[Any]:
    """Read an array of numpy's."""
    array: NDArray[Any] = np.load(path)
    return array


@pytest.fixture
def saved(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that saves an array: the array, and the file's name."""

    def save(array: NDArray[Any], name: str = "a.npy") -> Path:
        np.save(tmp_path / name, array)
        return tmp_path / name

    return save


@pytest.mark.parametrize(
    ("array", "nodata"),
    [
        (np.arange(6, dtype=np.uint8).reshape(2, 3), IGNORE),
        (np.arange(18, dtype=np.uint8).reshape(3, 2, 3), None),
        (np.arange(6, dtype=np.uint16).reshape(2, 3), None),
        (np.arange(6, dtype=np.float32).reshape(2, 3), np.nan),
        (np.arange(18, dtype=np.float64).reshape(3, 2, 3), np.nan),
    ],
)
def test_what_is_decoded_is_a_raster(
    saved: Callable[..., Path], array: NDArray[Any], nodata: float | None
) -> None:
    path = saved(array)
    with decoded(load, path) as source:
        np.testing.assert_array_equal(source.read(), array.reshape(-1, 2, 3))
        assert set(source.dtypes) == {str(array.dtype)}
        assert source.crs is None
        assert source.transform.is_identity
        np.testing.assert_equal(source.nodata, nodata)
    scene = open_scene([path], fallback=NOWHERE, reader=load)
    assert scene.grid == PixelGrid.of_image((2, 3))
    assert (scene.files, scene.read_from, scene.reader) == ((path,), (path,), load)
    assert scene.mask == ("none" if nodata is None else "nodata")
    with scene.open() as source:
        np.testing.assert_array_equal(source.read(), array.reshape(-1, 2, 3))


def test_four_bands_have_no_alpha(saved: Callable[..., Path]) -> None:
    path = saved(np.zeros((4, 2, 3), np.uint8))
    scene = open_scene([path], ("red", "green", "blue", "nir"), fallback=NOWHERE, reader=load)
    assert (scene.alpha, len(scene.indexes)) == (None, 4)


def test_a_file_that_is_missing(tmp_path: Path, one_line: OneLine) -> None:
    with pytest.raises(SceneError, match="no such file; check the path") as caught:
        decoded(load, tmp_path / "no.npy").__enter__()
    assert "no.npy" in one_line(caught.value)


def test_a_file_is_decoded_once(saved: Callable[..., Path]) -> None:
    """However often it is opened, by threads too; each reader for itself."""
    read: list[Path] = []

    def noted(path: Path) -> NDArray[Any]:
        read.append(path)
        return load(path)

    path = saved(np.arange(6, dtype=np.uint8).reshape(2, 3))

    def total(_: int) -> int:
        with decoded(noted, path) as source:
            return int(source.read().sum())

    assert total(0) == 15
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(total, range(20))) == {15}
    assert read == [path]
    with decoded(lambda file: load(file) + 1, path) as source:
        assert source.read().sum() == 21


def test_a_file_that_changed_is_decoded_again(saved: Callable[..., Path]) -> None:
    """As files do between two calls of one session."""
    for number in (1, 2):
        path = saved(np.full((2, 3), number, np.uint8))
        os.utime(path, (number, number))
        with decoded(load, path) as source:
            assert (source.read() == number).all()


def test_few_arrays_are_kept(saved: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    arrays = decoding._Arrays()  # noqa: SLF001  (nothing else tells what is kept)
    monkeypatch.setattr(decoding, "_KEPT", 2)
    read: list[str] = []

    def noted(path: Path) -> NDArray[Any]:
        read.append(path.stem)
        return load(path)

    paths = {name: saved(np.zeros((1, 1)), f"{name}.npy") for name in "abc"}
    for name in "abacab":  # b is the one that was used least when c comes
        arrays.of(noted, paths[name])
    assert "".join(read) == "abcb"
