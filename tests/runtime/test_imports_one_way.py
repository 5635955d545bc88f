"""Imports go one way: bench -> runtime <- export."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDERS = {"runtime": "limen", "export": "limen_export", "bench": "limen_bench"}
FORBIDDEN = {
    "runtime": ("limen_export", "limen_bench"),
    "export": ("limen_bench",),
    "bench": ("limen_export",),
}
LIGHT = {"limen", "numpy", "tokenizers", "onnxruntime"}
"""What the runtime outside its gated parts may import beside the standard library."""
GATED = ("evaluation", "_pyinstaller")


@pytest.fixture(params=FOLDERS)
def package(request):
    folder = ROOT / request.param / FOLDERS[request.param]
    if not folder.is_dir():
        pytest.skip(f"the sources of {folder.name} are not beside these tests")
    return folder


def imported(file):
    """The dotted names that a file imports, anywhere in it, by statement or by import_module."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: a relative import"
            yield node.module
        elif isinstance(node, ast.Call) and node.args:
            called = ast.unparse(node.func).rpartition(".")[2]
            first = node.args[0]
            if called in ("import_module", "__import__") and isinstance(first, ast.Constant):
                yield first.value


def importers(package, tops):
    """Files of a package that import one of these top-level modules, relative to the package."""
    return sorted(
        file.relative_to(package).as_posix()
        for file in package.rglob("*.py")
        if {name.partition(".")[0] for name in imported(file)} & set(tops)
    )


def test_nobody_imports_against_the_direction(package):
    assert importers(package, FORBIDDEN[package.parent.name]) == []


def test_there_is_something_to_walk(package):
    assert len([*package.rglob("*.py")]) > 1


def test_only_the_engine_imports_onnxruntime():
    package = ROOT / "runtime" / "limen"
    if not package.is_dir():
        pytest.skip("the sources of limen are not beside these tests")
    assert importers(package, ["onnxruntime"]) == ["engine.py"]


def test_the_light_path_imports_three_libraries():
    import sys

    package = ROOT / "runtime" / "limen"
    if not package.is_dir():
        pytest.skip("the sources of limen are not beside these tests")
    heavy = {
        (file.relative_to(package).as_posix(), top)
        for file in package.rglob("*.py")
        for top in {name.partition(".")[0] for name in imported(file)}
        if top not in LIGHT | sys.stdlib_module_names
        and file.relative_to(package).parts[0] not in GATED
    }
    assert heavy == set()


def test_nothing_is_evaluated_or_unpickled(package):
    """Never `eval`, never pickle: a model file is data. The one module that reads pickles is the
    exporter's, for those who say that they trust theirs.
    """
    readers = importers(package, ["pickle", "marshal", "shelve", "dill", "joblib"])
    assert readers == (["sources/trusted_files.py"] if package.name == "limen_export" else [])
    called = {
        f"{file.name}:{node.lineno}"
        for file in package.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("eval", "exec", "compile")
    }
    assert called == set()
