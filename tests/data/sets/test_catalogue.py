"""What every known data set must say of itself, and the documentation of all of them."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import pytest

from geosemimtl.data.sets.benchmark import Benchmark
from geosemimtl.data.sets.catalogue import catalogue_table
from geosemimtl.data.sets.registry import DATA_SETS, benchmark_of
from geosemimtl.tasks import SEGMENTATION

ROOT = Path(__file__).parents[3]


@pytest.fixture(params=list(DATA_SETS))
def known(request: pytest.FixtureRequest) -> Benchmark:
    """Return each data set that is known by name."""
    return benchmark_of(request.param)


def test_it_says_where_to_get_it_and_what_may_be_done(known: Benchmark) -> None:
    assert DATA_SETS[known.name].endswith(f".{known.name}")
    assert known.request.startswith("https://")
    assert len(known.licence.split()) > 3
    assert known.title


def test_it_has_usual_tasks_with_units(known: Benchmark) -> None:
    assert known.usual_tasks
    assert set(known.usual_tasks) <= set(known.targets)
    for alternative in known.alternatives.values():
        assert set(alternative) <= set(known.targets)
        assert all(target.unit for target in alternative.values())
    assert all(target.unit for target in known.targets.values())


def test_classes_have_a_map(known: Benchmark) -> None:
    assert (SEGMENTATION in known.targets) == bool(known.class_maps)


def test_it_is_cut_as_its_images_are(known: Benchmark) -> None:
    """Those of the ground at a GSD, others resized whole."""
    options = known.options
    assert options.name == known.name
    assert (options.resize is None) == (known.ground is not None)
    assert (options.gsd_m is None) == (known.ground is None)
    assert options.bands is None
    assert all(variant.bands for variant in known.variants.values())


def test_its_keys_have_as_many_parts_in_all_patterns(known: Benchmark) -> None:
    used = {re.compile(kind.pattern).groups for kind in known.kinds}
    assert len(used) == 1
    assert {len(key) for key in (*(known.scenes or ()), *known.skipped)} <= used


def test_its_readers_are_found_again_by_name(known: Benchmark) -> None:
    """As threads, processes and journals need."""
    sets = (known.targets, *known.by_classes.values(), *known.alternatives.values())
    readers = [target.read for each in sets for target in each.values()]
    readers += [variant.read for variant in known.variants.values()]
    for read in readers:
        assert pickle.loads(pickle.dumps(read)) is read  # noqa: S301  (made in the line itself)


def test_the_documentation_has_the_table_and_a_section_each(known: Benchmark) -> None:
    page = (ROOT / "docs" / "datasets.md").read_text(encoding="utf-8")
    assert catalogue_table() in page, "paste what catalogue_table() returns"
    assert f"`{known.name}`" in page
    assert known.licence in " ".join(page.split())
