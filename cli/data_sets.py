"""Which data set a command is about: files, a YAML that describes them, or one known by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from geosemimtl.cli.options import read_class_map, together
from geosemimtl.cli.values import Names
from geosemimtl.data.sets.registry import DATA_SETS

if TYPE_CHECKING:
    from geosemimtl.tiling.data_set import DataSet

data_set_options = together(
    click.option(
        "--dataset",
        type=click.Choice(list(DATA_SETS)),
        metavar="NAME",
        help=f"SCENES is the folder of this data set, as it is shipped: {', '.join(DATA_SETS)}.",
    ),
    click.option("--variant", help="Form of its images, such as irrg, rgb or rgbir."),
    click.option("--no-boundary", is_flag=True, help="Its labels without the borders of objects."),
    click.option(
        "--whole-image", is_flag=True, help="Its disparities and depths to the images' noisy edges."
    ),
    click.option(
        "--tasks",
        type=Names(),
        metavar="TASK,...",
        help="What to cut of its labels, such as segmentation,disparity; by default the usual.",
    ),
)
#: Targets of a data set in place of its usual ones, by the flag that asks for them.
_ALTERNATIVES = ("no_boundary", "whole_image")


def chosen_data_set(
    scenes: Sequence[Path],
    layers: Mapping[str, Sequence[Path]],
    classes: Path | None,
    options: dict[str, Any],
) -> DataSet:
    """Return the data set that a command's arguments name; what they say of it overrides it.

    Args:
        scenes: The command's arguments.
        layers: ``labels`` and ``heights`` named besides.
        classes: The class map's file, or the name of one of the data set's, if one was named.
        options: Values of ``data_set_options``, which are taken out, and of fields of
            ``TileOptions``.
    """
    from geosemimtl.data.sets.benchmark import Wanted
    from geosemimtl.data.sets.finding import find_data_set
    from geosemimtl.data.sets.listed import is_scenes_file, read_scenes_file
    from geosemimtl.tiling.data_set import DataSet
    from geosemimtl.tiling.options import TileOptions
    from geosemimtl.tiling.scenes import gather_scenes

    name, variant, tasks = (options.pop(key) for key in ("dataset", "variant", "tasks"))
    alternatives = tuple(key.replace("_", "-") for key in _ALTERNATIVES if options.pop(key))
    given = {key: value for key, value in options.items() if _is_given(key)}
    own_classes = None
    if name and classes is not None and not classes.exists() and not classes.suffix:
        own_classes = str(classes)
    elif classes is not None:
        given["classes"] = read_class_map(classes)
    described = [path for path in scenes if is_scenes_file(path)]
    if name is None and (variant or alternatives or tasks):
        raise click.UsageError(
            "--variant, --tasks, --no-boundary and --whole-image go with --dataset"
        )
    if not (name or described):
        reading = TileOptions(**given)
        return DataSet(gather_scenes(scenes, **layers, mosaic=reading.mosaic), reading)
    if len(scenes) > 1 or any(layers.values()) or given.get("mosaic"):
        raise click.UsageError(
            f"{'--dataset takes its folder' if name else f'{described[0]} describes all'} and "
            "nothing beside it: no other scenes, --labels, --height or --mosaic"
        )
    if name:
        wanted = Wanted(
            variant,
            tasks,
            own_classes,
            alternatives,
            given.get("height_scale_m"),
        )
        data = find_data_set(name, scenes[0], wanted)
    else:
        data = read_scenes_file(scenes[0])
    return replace(data, options=replace(data.options, **given))


def _is_given(name: str) -> bool:
    """Return whether an option was given, rather than left at its default."""
    return click.get_current_context().get_parameter_source(name) != ParameterSource.DEFAULT
