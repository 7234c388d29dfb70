"""Which files make which scenes: from what a user names to files, layer by layer."""

from __future__ import annotations

import glob
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from geosemimtl.errors import TileSetError
from geosemimtl.raster.scene import Georeference
from geosemimtl.tasks import HEIGHT, SEGMENTATION
from geosemimtl.tiling.scene_lists import is_scene_list, read_scene_list, vector_layers
from geosemimtl.tiling.splits import SPLITS

#: What counts as a raster in a folder; anything else can be named, or matched by a pattern.
_RASTERS = {
    ".tif",
    ".tiff",
    ".vrt",
    ".jp2",
    ".png",
    ".jpg",
    ".jpeg",
    ".img",
    ".asc",
    ".ecw",
    ".sid",
}
_VECTORS = {".gpkg", ".geojson", ".json", ".shp"}
#: Vectors in a folder of labels; the .json there are more often something else.
_LABELS = _RASTERS | {".gpkg", ".geojson", ".shp"}
#: What programs lay beside rasters.
_SIDECARS = (".aux.xml", ".ovr", ".msk", ".qml", ".tfw", ".tifw", ".jgw", ".pgw", ".prj")
_LIST_REMEDY = "or list them in a CSV with the columns image,labels,height"


@dataclass(frozen=True, slots=True)
class SceneFiles:
    """The files of one scene.

    Attributes:
        name: Unique among the scenes of a run; tiles are named by it.
        image: The orthophoto; several files form a mosaic, later ones in front.
        targets: By task, what supervises it: rasters, or of the segmentation one vector file;
            ``file|layername=x`` names a layer.
        split: ``train``, ``val`` or ``test`` where a list of scenes says it.
        georeference: What holds for an image that does not say where it lies.
    """

    name: str
    image: tuple[Path, ...]
    targets: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)
    split: str | None = None
    georeference: Georeference | None = None

    def of(self, task: str) -> tuple[Path, ...]:
        """Return what supervises a task, if anything does."""
        return self.targets.get(task, ())


def targets_of(labels: tuple[Path, ...], height: tuple[Path, ...]) -> dict[str, tuple[Path, ...]]:
    """Return labels and heights by task, as far as there are any."""
    return {task: files for task, files in ((SEGMENTATION, labels), (HEIGHT, height)) if files}


def gather_scenes(
    scenes: Sequence[Path],
    labels: Sequence[Path] = (),
    heights: Sequence[Path] = (),
    *,
    mosaic: bool = False,
) -> tuple[SceneFiles, ...]:
    """Find the files of each scene. Whether they exist is seen when they are opened.

    Args:
        scenes: Rasters, folders of rasters, patterns, or lists (see
            ``geosemimtl.tiling.scene_lists``), whose paths count from the list's folder.
        labels: One a scene in their order; or folders and patterns, whose files are matched to
            the scenes by name (equal, or equal without trailing words of letters), else by
            folder; or one vector file for all.
        heights: Like labels, rasters only.
        mosaic: All files form one scene.

    Raises:
        TileSetError: Nothing is found, or it is not clear which files belong together.
    """
    found = [scene for path in scenes for scene in _scenes_of(path)]
    if not found:
        raise TileSetError("no scene was named")
    _require_once([file for scene in found for file in scene.image])
    listed_labels, listed_heights = ([s.of(t) for s in found] for t in (SEGMENTATION, HEIGHT))
    for flag, paths, listed in (
        ("--labels", labels, listed_labels),
        ("--height", heights, listed_heights),
    ):
        if paths and any(listed):
            raise TileSetError(
                f"{flag} {paths[0]}: the list of scenes names some, too; name them in one place"
            )
    if mosaic:
        whole = (_expanded(labels, _LABELS), _expanded(heights, _RASTERS))
        return (_one_scene(found, *whole),)
    own_labels = _matched(found, labels, "--labels", _LABELS) if labels else listed_labels
    own_heights = _matched(found, heights, "--height", _RASTERS) if heights else listed_heights
    return tuple(
        replace(scene, targets=targets_of(label, height))
        for scene, label, height in zip(_named(found), own_labels, own_heights, strict=True)
    )


def scene_images(scenes: Sequence[Path], *, mosaic: bool = False) -> list[tuple[Path, ...]]:
    """Find the image files of each scene, as ``gather_scenes`` does.

    Raises:
        TileSetError: Nothing is found, or a file is named twice.
    """
    images = [scene.image for path in scenes for scene in _scenes_of(path)]
    files = tuple(file for image in images for file in image)
    if not files:
        raise TileSetError("no scene was named")
    _require_once(files)
    return [files] if mosaic else images


def raster_called(folder: Path, stem: str) -> Path | None:
    """Return the raster of a name in a folder, a GeoTIFF rather than another, if there is one."""
    suffixes = sorted(_RASTERS, key=lambda suffix: (not suffix.startswith(".tif"), suffix))
    named = (folder / f"{stem}{suffix}" for suffix in suffixes)
    return next((file for file in named if file.is_file()), None)


def is_vector(path: Path) -> bool:
    """Return whether a file holds vectors by its suffix; a GeoPackage by what it holds."""
    file = Path(str(path).partition("|")[0])
    if file.suffix.lower() == ".gpkg" and file.is_file():
        return bool(vector_layers(file))
    return file.suffix.lower() in _VECTORS


def _scenes_of(path: Path) -> list[SceneFiles]:
    """Return the scenes that one argument stands for; names are empty unless a list gives them."""
    if not _is_many(path) and is_scene_list(path):
        return _listed(path)
    return [SceneFiles("", (file,)) for file in _expanded([path], _RASTERS)]


def _is_many(path: Path) -> bool:
    return path.is_dir() or (glob.has_magic(str(path)) and not path.exists())


def _expanded(paths: Iterable[Path], suffixes: set[str]) -> tuple[Path, ...]:
    """Return files as they are, and the sorted files of folders and patterns."""
    files: list[Path] = []
    for path in paths:
        found = [path]
        if path.is_dir():
            found = sorted(file for file in path.iterdir() if _is_layer(file, suffixes))
            if not found:
                raise TileSetError(
                    f"{path}: holds no raster itself; name another folder, or a pattern such as "
                    f"{path}/*/*.tif"
                )
        elif _is_many(path):
            matches = (Path(match) for match in glob.glob(str(path), recursive=True))  # noqa: PTH207  (absolute ones, too)
            found = sorted(m for m in matches if m.is_file() and not _is_sidecar(m))
            if not found:
                raise TileSetError(f"{path}: no file matches this pattern; check it")
        files += found
    return tuple(files)


def _is_layer(file: Path, suffixes: set[str]) -> bool:
    is_hidden = file.name.startswith(".")
    return file.suffix.lower() in suffixes and not is_hidden and file.is_file()


def _is_sidecar(file: Path) -> bool:
    return file.name.lower().endswith(_SIDECARS)


def _listed(path: Path) -> list[SceneFiles]:
    """Return the scenes of a list; rows of one scene are joined."""
    scenes: dict[str, SceneFiles] = {}
    for number, row in enumerate(read_scene_list(path), start=1):
        image, labels, height = (
            (path.parent / row[column],) if column in row else ()
            for column in ("image", "labels", "height")
        )
        split = row.get("split")
        if split not in {None, *SPLITS}:
            raise TileSetError(
                f"{path}: row {number} has the split {split}; write {', '.join(SPLITS)} or nothing"
            )
        name = row.get("scene", "")
        key = name or f"row/{number}"  # no scene can be called so
        before = scenes.get(key, SceneFiles(name, (), split=split))
        if before.split != split:
            raise TileSetError(
                f"{path}: scene {name} is in the splits {before.split or 'none'} and "
                f"{split or 'none'}; give all its rows the same"
            )
        scenes[key] = SceneFiles(
            name,
            before.image + image,
            targets_of(
                tuple(dict.fromkeys(before.of(SEGMENTATION) + labels)),
                tuple(dict.fromkeys(before.of(HEIGHT) + height)),
            ),
            split,
        )
    return list(scenes.values())


def _one_scene(
    scenes: Sequence[SceneFiles], labels: tuple[Path, ...], heights: tuple[Path, ...]
) -> SceneFiles:
    """Return the mosaic of all scenes, called after their folder, or after the only file."""
    image = tuple(file for scene in scenes for file in scene.image)
    folders = {file.resolve().parent for file in image}
    splits = {scene.split for scene in scenes}
    if len(splits) > 1:
        raise TileSetError(
            "--mosaic: the list's scenes are of several splits; leave out --mosaic, or the splits"
        )
    listed_labels, listed_heights = (
        tuple(dict.fromkeys(file for scene in scenes for file in scene.of(task)))
        for task in (SEGMENTATION, HEIGHT)
    )
    is_one_folder = len(folders) == 1 and len(image) > 1
    name = (folders.pop().name if is_one_folder else "") or image[0].stem
    targets = targets_of(labels or listed_labels, heights or listed_heights)
    return SceneFiles(name, image, targets, splits.pop())


def _matched(
    scenes: Sequence[SceneFiles], paths: Sequence[Path], flag: str, suffixes: set[str]
) -> list[tuple[Path, ...]]:
    """Return each scene's files among those that a flag names."""
    if any(_is_many(path) for path in paths):
        images = {file.resolve() for scene in scenes for file in scene.image}
        files = [file for file in _expanded(paths, suffixes) if file.resolve() not in images]
        crowd = Counter(scene.image[0].parent for scene in scenes)
        return [
            (_namesake(scene, files, flag, is_alone=crowd[scene.image[0].parent] == 1),)
            for scene in scenes
        ]
    if len(paths) == 1 and flag == "--labels" and is_vector(paths[0]):
        return [(paths[0],)] * len(scenes)
    if len(paths) != len(scenes):
        raise TileSetError(
            f"{len(scenes)} scene(s) but {len(paths)} {flag}: name one a scene in their order, "
            f"or a folder with files of the scenes' names, {_LIST_REMEDY}"
        )
    return [(path,) for path in paths]


def _namesake(scene: SceneFiles, files: Sequence[Path], flag: str, *, is_alone: bool) -> Path:
    """Return the one file that goes with a scene by its name, or by the folder it is alone in."""
    first = scene.image[0]
    stem = scene.name or first.stem
    matches = (
        [file for file in files if file.stem == stem]
        or [file for file in files if _core(file.stem) == _core(stem)]
        or [file for file in files if is_alone and file.parent == first.parent]
    )
    if len(matches) > 1:  # north/dop.tif goes with labels/north/dop.tif
        matches = [file for file in matches if file.parent.name == first.parent.name] or matches
    if len(matches) == 1:
        return matches[0]
    names = ", ".join(match.name for match in matches[:3])
    problem = f"several files fit {stem} ({names})" if matches else f"no file fits {stem}"
    raise TileSetError(f"{flag}: {problem}; call it {stem}{first.suffix}, {_LIST_REMEDY}")


def _core(stem: str) -> str:
    """Return a name without its trailing words of letters: what it tells of place, not of kind."""
    return re.sub(r"(?<=[^_\W])(?:[\s_.-]+[^\W\d_]+)+$", "", stem)


def _named(scenes: Sequence[SceneFiles]) -> list[SceneFiles]:
    """Name those scenes after their files that have no name, and check all names."""
    stems = Counter(scene.name or scene.image[0].stem for scene in scenes)
    named = []
    for scene in scenes:
        first = scene.image[0]
        folder = f"{first.resolve().parent.name}-" if stems[first.stem] > 1 else ""
        named.append(replace(scene, name=scene.name or folder + first.stem))
    for name, count in Counter(scene.name for scene in named).items():
        if count > 1:
            raise TileSetError(f"{count} scenes are called {name}; rename their files")
        if "/" in name or "\\" in name or name.startswith("."):
            raise TileSetError(f"a scene is called {name}, which makes no file name; rename it")
    return named


def _require_once(paths: Iterable[Path]) -> None:
    for file, count in Counter(path.resolve() for path in paths).items():
        if count > 1:
            raise TileSetError(f"{file}: is named {count} times; name it once")
