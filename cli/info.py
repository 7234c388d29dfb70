"""``geosemimtl info``."""

from __future__ import annotations

from pathlib import Path

import click

from geosemimtl.cli.options import FILE, json_option, overwrite_option, talk_options


@click.command("info")
@click.argument("paths", nargs=-1, required=True, type=FILE, metavar="PATH...")
@click.option(
    "--map",
    "map_path",
    type=FILE,
    metavar="PNG",
    help="Draw a tile set: its scenes, and its tiles by split.",
)
@click.option(
    "--stac",
    "stac_path",
    type=FILE,
    metavar="JSON",
    help="Write a model's STAC item; MODEL.stac.json beside it is what predict --stac links to.",
)
@overwrite_option
@json_option
@talk_options
def command(
    paths: tuple[Path, ...],
    map_path: Path | None,
    stac_path: Path | None,
    *,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Print what tile sets or model files say of themselves.

    Of several tile sets it also says which sensor supervises which task, and how much of it.

    \b
    Example:
      geosemimtl info tiles/potsdam
      geosemimtl info tiles/potsdam --map potsdam.png
      geosemimtl info tiles/potsdam tiles/vaihingen
      geosemimtl info runs/run/run.safetensors
      geosemimtl info runs/run/run.safetensors --stac runs/run/run.stac.json
    """
    from geosemimtl.cli.cards import coverage_table, model_tables, tileset_tables
    from geosemimtl.cli.console import OUT
    from geosemimtl.inference.inspection.contents import coverage, info
    from geosemimtl.tiling.tileset import TileSet

    for wanted, rule in (
        (map_path, "--map draws one tile set: name one folder"),
        (stac_path, "--stac describes one model: name one file"),
    ):
        if wanted is not None and len(paths) != 1:
            raise click.UsageError(rule)
    described = [info(path) for path in paths]
    tilesets = [one for one in described if isinstance(one, TileSet)]
    if map_path is not None:
        _draw(paths[0], map_path, is_tileset=bool(tilesets))
    if stac_path is not None:
        _describe(paths[0], stac_path, is_tileset=bool(tilesets), overwrite=overwrite)
    if as_json:
        documents = [one.model_dump_json() for one in described]
        click.echo(documents[0] if len(paths) == 1 else f"[{', '.join(documents)}]")
        return
    for one in described:
        made = tileset_tables(one) if isinstance(one, TileSet) else model_tables(one)
        for each in made:
            OUT.print(each)
    if len(tilesets) > 1:
        OUT.print(coverage_table(coverage(tilesets)))


def _draw(folder: Path, path: Path, *, is_tileset: bool) -> None:
    from geosemimtl.cli.console import say
    from geosemimtl.publish.tile_map import draw_map

    if not is_tileset:
        raise click.UsageError("--map draws tile sets, not models")
    draw_map(folder, path)
    say(f"map in {path}")


def _describe(model: Path, path: Path, *, is_tileset: bool, overwrite: bool) -> None:
    from geosemimtl.cli.console import say
    from geosemimtl.publish.stac.model import write_model_item

    if is_tileset:
        raise click.UsageError("--stac describes models, not tile sets")
    write_model_item(model, path, overwrite=overwrite)
    say(f"item in {path}")
