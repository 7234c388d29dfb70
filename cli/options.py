"""Options that several commands share, and how their text becomes values."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geosemimtl.cli.values import Alpha, Bounds, Names, Overlap, Range, Shares, Size

if TYPE_CHECKING:
    from geosemimtl.classes import ClassMap

FILE = click.Path(path_type=Path)
Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def together(*options: Decorator) -> Decorator:
    """Return one decorator that adds several options, listed by ``--help`` in this order."""

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return add


assume_crs_option = click.option(
    "--assume-crs", metavar="CRS", help="CRS of files that carry none, such as EPSG:25832."
)


# How scenes are to be read.
scene_options = together(
    click.option(
        "--bands",
        type=Names(),
        help="Names of the file's bands in file order, such as nir,red,green.",
    ),
    click.option(
        "--alpha",
        type=Alpha(),
        default="auto",
        show_default=True,
        metavar="auto|none|N",
        help="Which band is the mask.",
    ),
    assume_crs_option,
    click.option(
        "--value-range",
        type=Range(),
        help="Pixel values that are black and white; needed beyond 8 bit.",
    ),
)


# The layers that go with the scenes; see ``read_class_map``.
layer_options = together(
    click.option(
        "--labels",
        multiple=True,
        type=FILE,
        help="Class or colour raster, or polygons; one a scene in the same order, a folder, "
        "or one vector file for all.",
    ),
    click.option(
        "--height",
        "heights",
        multiple=True,
        type=FILE,
        help="nDSM in metres; one a scene, in the same order, or a folder.",
    ),
    click.option(
        "--height-scale",
        "height_scale_m",
        type=click.FloatRange(min=0, min_open=True),
        metavar="METRES",
        help="What 1 in the heights' files stands for; needed of JPEGs.",
    ),
    click.option(
        "--classes",
        type=FILE,
        help="YAML: the classes, and how the labels write them, or the name of one of the data "
        "set's own; ISPRS by default.",
    ),
    click.option(
        "--class-column",
        default="class",
        show_default=True,
        help="Column of label polygons that holds the class.",
    ),
)


def read_class_map(path: Path | None) -> ClassMap:
    """Return the classes that ``--classes`` names."""
    if path is None:
        from geosemimtl.classes import ISPRS_CLASS_MAP

        return ISPRS_CLASS_MAP
    from geosemimtl.config import load_class_map

    return load_class_map(path)


# How scenes are to be cut; named as in ``TileOptions``.
cut_options = together(
    click.option(
        "--gsd",
        "gsd_m",
        type=click.FloatRange(min=0, min_open=True),
        metavar="METRES",
        help="Metres on the ground of a pixel; the scene's own by default.",
    ),
    click.option(
        "--crs",
        metavar="CRS",
        help="CRS of the tiles, or auto for the UTM zone; the scene's own by default.",
    ),
    click.option(
        "--resize",
        type=Size(),
        metavar="ROWSxCOLUMNS",
        help="Images that lie nowhere on the ground: each is one tile, resized as a whole.",
    ),
    click.option(
        "--size",
        "size_px",
        type=click.IntRange(min=32),
        default=512,
        show_default=True,
        help="Side of a tile in pixels.",
    ),
    click.option(
        "--overlap",
        type=Overlap(),
        metavar="SHARE|128px",
        default="0.5",
        show_default=True,
        help="What neighbouring tiles have in common: a share, or pixels such as 128px.",
    ),
    click.option(
        "--edge",
        type=click.Choice(["snap", "pad", "drop"]),
        default="snap",
        show_default=True,
        help="Last row and column of tiles: moved inwards, padded, or left out.",
    ),
    click.option("--mosaic", is_flag=True, help="All files named together form one scene."),
)


# How tiles are parted into train, val and test; named as in ``TileOptions``.
split_options = together(
    click.option(
        "--split",
        metavar="none|by-scene|blocks|LIST",
        default="none",
        show_default=True,
        help="How tiles are parted without a leak; LIST is a file, or potsdam or vaihingen.",
    ),
    click.option(
        "--split-shares",
        type=Shares(),
        default="0.7,0.15,0.15",
        show_default=True,
        help="Of train, val and test, where scenes or blocks are drawn.",
    ),
    click.option(
        "--block",
        "block_m",
        type=click.FloatRange(min=0, min_open=True),
        metavar="METRES",
        help="Side of a block; four tiles by default.",
    ),
    click.option(
        "--seed", type=int, default=0, show_default=True, help="Another seed, another draw."
    ),
)


dataset_roots_option = click.option(
    "--dataset",
    "roots",
    nargs=2,
    multiple=True,
    metavar="NAME FOLDER",
    help="Where a data set is that a domain's tile set is to be cut from, if it is not there.",
)


set_option = click.option(
    "-s",
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change a value of the file, such as optimiser.lr=0.001 or seeds=[7].",
)
sensor_option = click.option(
    "--sensor", metavar="NAME", help="The training's domain that the scenes belong to."
)
adapt_option = click.option(
    "--adapt-bn",
    is_flag=True,
    help="Learn the statistics of batch normalisation from the scene first.",
)
overwrite_option = click.option("--overwrite", is_flag=True, help="Replace outputs that exist.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")


def _remember(ctx: click.Context, param: click.Parameter, value: bool) -> None:  # noqa: FBT001  (click's signature)
    """Keep a flag where every command finds it, whether it stood before or after its name."""
    if value and param.name == "verbose":
        logging.basicConfig(level=logging.INFO)
    if value and param.name == "quiet":
        logging.getLogger("geosemimtl").setLevel(logging.ERROR)
    if value:
        ctx.meta[f"geosemimtl.{param.name}"] = True


# Which part of a scene is predicted; named as in ``PredictOptions``.
part_options = together(
    click.option(
        "--bounds",
        type=Bounds(),
        metavar="LEFT,BOTTOM,RIGHT,TOP",
        help="In the scene's CRS; only that part is predicted.",
    ),
    click.option(
        "--aoi",
        "area",
        type=FILE,
        metavar="FILE",
        help="Polygons; only what lies within them is predicted.",
    ),
)

# How much is said; see ``asked``.
talk_options = together(
    *(
        click.option(*names, is_flag=True, expose_value=False, callback=_remember, help=text)
        for names, text in (
            (("-q", "--quiet"), "No messages and no progress."),
            (("-v", "--verbose"), "Messages of the libraries too."),
            (("--debug",), "Show where in the code an error comes from."),
        )
    )
)


def asked(flag: str) -> bool:
    """Return whether ``quiet`` or ``verbose`` was given."""
    context = click.get_current_context(silent=True)
    return bool(context and context.meta.get(f"geosemimtl.{flag}"))
