"""``geosemimtl demo``."""

from __future__ import annotations

from pathlib import Path

import click

from geosemimtl.cli.options import FILE, overwrite_option, talk_options


@click.command("demo")
@click.option("--street", is_flag=True, help="On synthetic streets instead of a city.")
@click.option("--quick", is_flag=True, help="45 seconds on two cores; the result is poor.")
@click.option(
    "-o", "--output", type=FILE, default=Path("demo"), show_default=True, help="Folder of it all."
)
@overwrite_option
@talk_options
def command(output: Path, *, street: bool, quick: bool, overwrite: bool) -> None:
    """Go the whole way on a synthetic city.

    Draw it, tile, train, predict, evaluate and show. Two sensors: of the first the training has
    only land cover, of the second only heights. Both are predicted for a scene of each that the
    model never saw. With --street likewise: classes of streets that a camera took, disparities of
    streets that were rendered.

    \b
    Example:
      geosemimtl demo --quick -o /tmp/demo
      geosemimtl demo --street -o streets
    """
    import shlex

    from geosemimtl.cli.console import OUT, say, table, track
    from geosemimtl.demonstration import city
    from geosemimtl.demonstration import street as streets

    made: city.Demo | streets.StreetDemo
    if street:
        views = streets.QUICK if quick else streets.FULL
        made = streets.street_demo(output, plan=views, overwrite=overwrite, track=track)
    else:
        plan = city.QUICK if quick else city.FULL
        made = city.demo(output, plan=plan, overwrite=overwrite, track=track)
    say("For speed the recipe departs from the paper's:")
    for departure in made.departures:
        say(f"  {departure}")
    what = "Images" if street else "Scenes"
    OUT.print(f"{what} that the model never saw; of each kind it was taught one task only.\n")
    for summary in made.tables:
        OUT.print(table(summary.title, summary.head, summary.rows))
    OUT.print(f"table    {made.folder / 'scores.md'}", soft_wrap=True)
    OUT.print(f"picture  {made.picture}", soft_wrap=True)
    OUT.print(f"model    {made.model}", soft_wrap=True)
    for project in made.projects if isinstance(made, city.Demo) else ():
        OUT.print(f"in QGIS  qgis {shlex.quote(str(project))}", soft_wrap=True)
