"""``geosemimtl experiment``."""

from __future__ import annotations

from pathlib import Path

import click

from geosemimtl.cli.options import FILE, dataset_roots_option, set_option, talk_options


@click.command("experiment")
@click.argument("config", type=FILE)
@set_option
@dataset_roots_option
@click.option("-o", "--output", type=FILE, help="Its folder; runs/NAME by default.")
@talk_options
def command(
    config: Path,
    overrides: tuple[str, ...],
    roots: tuple[tuple[str, str], ...],
    output: Path | None,
) -> None:
    """Train and score methods by seeds, as CONFIG (YAML) says.

    Writes tables beside the paper's figures (.md), all figures (.csv) and a picture (.png).
    Stopped, the same command goes on; rows and seeds that are added later join those done.

    \b
    Example:
      geosemimtl experiment city_table2.yaml -s seeds=[0]
    """
    from geosemimtl.cli.console import OUT, say, table, track
    from geosemimtl.config import load_yaml
    from geosemimtl.experiments.config import ExperimentConfig
    from geosemimtl.experiments.running import experiment
    from geosemimtl.files import write_text
    from geosemimtl.publish.experiment_picture import draw_experiment
    from geosemimtl.publish.outcome_tables import (
        experiment_document,
        experiment_tables,
        outcomes_csv,
    )

    loaded = load_yaml(ExperimentConfig, config, overrides)
    folder = output or Path("runs") / loaded.name
    try:
        folders = {name: Path(root) for name, root in roots}
        outcomes = experiment(loaded, folder, roots=folders, track=track)
    except KeyboardInterrupt:
        say("\nThe same command goes on from here.")
        raise
    files = [folder / f"{loaded.name}{suffix}" for suffix in (".md", ".csv", ".png")]
    write_text(files[0], experiment_document(loaded, outcomes))
    write_text(files[1], outcomes_csv(outcomes))
    draw_experiment(files[2], loaded, outcomes)
    for each in experiment_tables(loaded, outcomes, short=True):
        OUT.print(table(each.title, each.head, each.rows))
    say("wrote " + " ".join(map(str, files)))
