"""The house rules that a reviewer need not check: packages, import layers, file sizes."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
#: Real folders by the package that they are; the links inside geosemimtl/ lead to the first two.
MAPPED = {"cli": "geosemimtl.cli", "tiling": "geosemimtl.tiling", "configs": "geosemimtl.configs"}
#: What each part of the house may import; itself always.
BASE = {"errors", "config", "classes", "tasks", "progress", "files", "machine", "stereo"}
LIBRARY = {"data", "models", "losses", "metrics"}
OPERATIONS = {"training", "inference", "publish", "experiments"}
LAYERS: dict[str, set[str]] = {
    "errors": set(),
    "classes": set(),
    "tasks": {"classes"},
    "progress": {"errors"},
    "files": {"errors"},
    "machine": set(),
    "stereo": set(),
    "config": {"errors", "classes", "tasks"},
    "configs": set(),
    "terrain": BASE | {"raster"},
    "raster": BASE,
    "vectors": BASE | {"raster"},
    "tiling": BASE | {"raster"},
    "data": BASE | {"raster", "tiling"},
    "models": BASE,
    "losses": BASE,
    "metrics": BASE,
    "methods": BASE | {"models", "losses", "metrics"} | {"data"},
    "experiments": BASE | {"raster", "tiling", "methods"} | LIBRARY | OPERATIONS,
    "training": BASE | {"raster", "tiling", "methods"} | LIBRARY | OPERATIONS,
    "inference": BASE | {"raster", "tiling", "methods"} | LIBRARY | OPERATIONS,
    "publish": BASE | {"raster", "vectors", "tiling", "methods"} | LIBRARY | OPERATIONS,
}
LAYERS["demonstration"] = set(LAYERS)
LAYERS["cli"] = set(LAYERS)
#: Parts that may open rasters with rasterio itself.
OPEN_RASTERS = {"raster", "tiling", "data"}
#: Elsewhere only its value types, in which geosemimtl.raster's functions speak.
VALUE_TYPES = {"rasterio.windows.Window", "rasterio.enums.Resampling", "rasterio.crs.CRS"}


def modules() -> dict[str, Path]:
    """Return every module of the package by its dotted name."""
    found = {}
    for folder in (ROOT / "geosemimtl", *(ROOT / real for real in MAPPED)):
        base = MAPPED.get(folder.name, "geosemimtl")
        for path in folder.rglob("*.py"):  # does not follow the links
            parts = path.relative_to(folder).with_suffix("").parts
            if parts[:1] in (("cli",), ("tiling",)) and folder.name == "geosemimtl":
                continue
            names = parts[:-1] if parts[-1] == "__init__" else parts
            found[".".join((base, *names))] = path
    return found


MODULES = modules()


def imports(path: Path) -> set[str]:
    """Return the dotted names that a file imports, inside functions too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import; write the absolute one"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def part_of(name: str) -> str | None:
    """Return the part of the house that a dotted name lies in."""
    pieces = name.split(".")
    return pieces[1] if pieces[0] == "geosemimtl" and len(pieces) > 1 else None


def test_every_package_is_listed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    setuptools = project["tool"]["setuptools"]
    packages = {
        name if path.name == "__init__.py" else name.rpartition(".")[0]
        for name, path in MODULES.items()
    }
    assert sorted(packages - set(setuptools["packages"])) == []
    assert setuptools["packages"] == sorted(setuptools["packages"])
    mapping = {name: folder for folder, name in MAPPED.items()} | {"geosemimtl": "geosemimtl"}
    assert setuptools["package-dir"] == mapping


@pytest.mark.parametrize("name", sorted(MAPPED)[:1] + sorted(MAPPED)[2:])
def test_links_lead_to_the_real_folders(name: str) -> None:
    link = ROOT / "geosemimtl" / name
    assert link.is_symlink()
    assert link.readlink() == Path("..") / name


@pytest.mark.parametrize("name", sorted(MODULES))
def test_imports_point_one_way(name: str) -> None:
    part = part_of(name)
    used = {other for each in imports(MODULES[name]) if (other := part_of(each))}
    if part is None:
        return  # the package's own __init__
    assert part in LAYERS, f"{part} is a new part: give it a place in LAYERS"
    wrong = used - LAYERS[part] - {part} - {"__version__"}
    assert not wrong, f"{name} imports {sorted(wrong)}"


@pytest.mark.parametrize("name", sorted(MODULES))
def test_only_parts_that_know_files_open_rasters(name: str) -> None:
    if part_of(name) not in OPEN_RASTERS:
        used = {each for each in imports(MODULES[name]) if each.split(".")[0] == "rasterio"}
        assert used <= VALUE_TYPES


def test_no_module_imports_itself_in_a_circle() -> None:
    graph = {
        name: {
            target
            for each in imports(path)
            for target in (each, each.rpartition(".")[0])
            if target in MODULES and target != name and MODULES[target].name != "__init__.py"
        }
        for name, path in MODULES.items()
    }
    done: set[str] = set()
    while ready := {name for name, needs in graph.items() if name not in done and needs <= done}:
        done |= ready
    assert sorted(set(graph) - done) == []


@pytest.mark.parametrize("module", ["geosemimtl.tiling.cutting", "geosemimtl.cli.main"])
def test_loads_no_torch(module: str) -> None:
    if module not in MODULES:
        pytest.fail(f"{module} is missing")
    script = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize("name", sorted(MODULES))
def test_no_module_has_the_name_of_what_it_defines(name: str) -> None:
    body = ast.parse(MODULES[name].read_text(encoding="utf-8")).body
    defined = {
        node.name
        for node in body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    }
    if "cli" not in name.split("."):  # one command a file, called like the command
        assert name.rpartition(".")[2] not in defined


@pytest.mark.parametrize("name", sorted(MODULES))
def test_files_and_functions_stay_short(name: str) -> None:
    text = MODULES[name].read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400
    long = [
        f"{node.name} ({length})"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := _code_lines(node)) > 50
    ]
    assert not long, f"{name}: {', '.join(long)}"


def _code_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count a function's lines without its docstring."""
    length = (node.end_lineno or node.lineno) - node.lineno + 1
    first = node.body[0]
    if ast.get_docstring(node) is not None:
        length -= (first.end_lineno or first.lineno) - first.lineno + 1
    return length


def test_tests_are_no_packages() -> None:
    assert not list((ROOT / "tests").rglob("__init__.py"))
