"""The package's public functions."""

from __future__ import annotations

import subprocess
import sys

import pytest

import geosemimtl
from geosemimtl.cli.main import COMMANDS


def test_every_command_has_its_function() -> None:
    assert sorted(COMMANDS) == geosemimtl.__all__
    for name in geosemimtl.__all__:
        assert callable(getattr(geosemimtl, name))


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = "import sys, geosemimtl; print({'torch', 'rasterio', 'click'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(AttributeError, match="it has check, demo"):
        geosemimtl.predicted  # noqa: B018  (reading it is the test)
