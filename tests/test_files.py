"""Files and folders that appear whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from geosemimtl.errors import OutputError, SceneError
from geosemimtl.files import (
    folder_writer,
    inside,
    no_empty_folder,
    on_disk,
    require_absent,
    require_replaceable,
    stamp,
)

OneLine = Callable[[BaseException], str]


def test_existing_files_need_overwrite(tmp_path: Path, one_line: OneLine) -> None:
    path = tmp_path / "a.tif"
    path.touch()
    with pytest.raises(OutputError, match="exists already; pass --overwrite") as caught:
        require_absent([tmp_path / "new" / "b.tif", path], overwrite=False)
    assert str(path) in one_line(caught.value)
    require_absent([path], overwrite=True)


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_of_other_things_is_never_replaced(
    tmp_path: Path, one_line: OneLine, *, overwrite: bool
) -> None:
    (tmp_path / "precious.txt").touch()
    with pytest.raises(OutputError, match="holds no mark, so it is never replaced") as caught:
        require_replaceable(tmp_path, "mark", overwrite=overwrite)
    one_line(caught.value)
    with pytest.raises(OutputError, match="never replaced"):
        require_replaceable(tmp_path / "precious.txt", "mark", overwrite=overwrite)


def test_a_folder_of_its_own_kind_needs_overwrite(tmp_path: Path) -> None:
    require_replaceable(tmp_path, "mark", overwrite=False)  # empty
    (tmp_path / "mark").touch()
    with pytest.raises(OutputError, match="pass --overwrite"):
        require_replaceable(tmp_path, "mark", overwrite=False)
    require_replaceable(tmp_path, "mark", overwrite=True)


def test_a_folder_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    with folder_writer(folder) as part:
        (part / "a").write_text("old")
    with pytest.raises(RuntimeError), folder_writer(folder) as part:  # noqa: PT012  (as above)
        (part / "a").write_text("half")
        raise RuntimeError
    assert (folder / "a").read_text() == "old"
    with folder_writer(folder) as part:
        (part / "b").write_text("new")
    assert [file.name for file in folder.iterdir()] == ["b"]
    assert [file.name for file in tmp_path.iterdir()] == ["out"]


def test_an_interrupted_replacement_brings_the_old_folder_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "tiles"
    folder.mkdir()
    (folder / "old.txt").touch()
    rename = Path.replace

    def stopped(self: Path, target: Path) -> Path:
        if self.name == ".tiles.part":
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", stopped)
    with pytest.raises(KeyboardInterrupt), folder_writer(folder) as part:
        (part / "new.txt").touch()
    assert [path.name for path in tmp_path.iterdir()] == ["tiles"]
    assert (folder / "old.txt").exists()


def test_a_killed_run_of_the_same_request_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "tiles"
    with pytest.raises(KeyboardInterrupt), folder_writer(folder, "a") as part:  # noqa: PT012  (the interruption comes from within)
        (part / "first.txt").touch()
        raise KeyboardInterrupt
    assert not folder.exists()
    with folder_writer(folder, "a") as part:
        assert (part / "first.txt").exists()
        (part / "second.txt").touch()
    assert sorted(path.name for path in folder.iterdir()) == ["first.txt", "second.txt"]
    assert [path.name for path in tmp_path.iterdir()] == ["tiles"]


def test_a_killed_run_of_another_request_is_forgotten(tmp_path: Path) -> None:
    folder = tmp_path / "tiles"
    with pytest.raises(KeyboardInterrupt), folder_writer(folder, "a") as part:  # noqa: PT012  (the interruption comes from within)
        (part / "first.txt").touch()
        raise KeyboardInterrupt
    with folder_writer(folder, "b") as part:
        assert not (part / "first.txt").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["tiles"]


def test_an_error_leaves_nothing_to_go_on_with(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="stop"), folder_writer(tmp_path / "t", "a") as part:  # noqa: PT012  (as above)
        (part / "first.txt").touch()
        raise ValueError("stop")
    assert not list(tmp_path.iterdir())


def test_two_runs_into_one_folder_are_refused(tmp_path: Path, one_line: OneLine) -> None:
    folder = tmp_path / "tiles"
    with folder_writer(folder) as part:
        with pytest.raises(OutputError, match="another run is writing it") as caught:
            folder_writer(folder).__enter__()
        assert str(folder) in one_line(caught.value)
        assert part.is_dir()
    assert [path.name for path in tmp_path.iterdir()] == ["tiles"]


def test_a_killed_replacement_is_undone_by_the_next_run(tmp_path: Path) -> None:
    old = tmp_path / ".tiles.old"
    old.mkdir()
    (old / "kept.txt").touch()
    with pytest.raises(RuntimeError), folder_writer(tmp_path / "tiles"):
        raise RuntimeError
    assert (tmp_path / "tiles" / "kept.txt").exists()


def test_a_folder_made_for_nothing_goes(tmp_path: Path) -> None:
    for name, filled in (("empty", False), ("filled", True)):
        with pytest.raises(RuntimeError), no_empty_folder(tmp_path / name):  # noqa: PT012  (as above)
            (tmp_path / name).mkdir()
            if filled:
                (tmp_path / name / "log.csv").touch()
            raise RuntimeError
    assert [path.name for path in tmp_path.iterdir()] == ["filled"]


def test_files_in_zips_are_known_by_their_zip(tmp_path: Path) -> None:
    archive = tmp_path / "a zip.zip"
    archive.write_bytes(b"four")
    path = inside(archive, "top/a.tif")
    assert str(path) == f"/vsizip/{{{archive}}}/top/a.tif"
    assert on_disk(path) == (archive, "top/a.tif")
    assert on_disk(archive) == (archive, "")
    where, size, _ = stamp(path)
    assert (where, size) == (str(archive / "top/a.tif"), 4)
    archive.unlink()
    with pytest.raises(SceneError, match="cannot be read"):
        stamp(path)
