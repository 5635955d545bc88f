"""Closures of made-up environments, their sizes, and the command."""

import json
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep

import pytest
from limen_bench import install_size as module
from limen_bench import sizes, wheel_size
from limen_bench.install_size import closure, install_size, normalised


@pytest.fixture
def environment(tmp_path):
    """Return (name, requires, files, extras) -> adds a distribution to the folder `site`."""
    site = tmp_path / "site"

    def add(name, *requires, files=(), extras=(), record=True):
        folder = site / f"{name.replace('-', '_')}-1.0.dist-info"
        folder.mkdir(parents=True)
        lines = ["Metadata-Version: 2.1", f"Name: {name}", "Version: 1.0"]
        lines += [f"Provides-Extra: {extra}" for extra in extras]
        lines += [f"Requires-Dist: {requirement}" for requirement in requires]
        (folder / "METADATA").write_text("\n".join(lines) + "\n")
        for file, text in dict(files).items():
            (site / file).parent.mkdir(parents=True, exist_ok=True)
            (site / file).write_text(text)
        if record:
            (folder / "RECORD").write_text(
                "".join(f"{file},,\n" for file, _ in dict(files).items())
            )
        return folder

    add.path = [str(site)]
    return add


def names(environment, *asked):
    found, missing = closure(asked, environment.path)
    return sorted(found), sorted(missing)


def test_requirements_are_followed(environment):
    environment("app", "lib>=1", "Other_Lib")
    environment("lib", "deep")
    environment("other-lib")
    environment("deep")
    environment("unrelated")
    assert names(environment, "app") == (["app", "deep", "lib", "other-lib"], [])
    assert names(environment, "lib", "unrelated>=5") == (["deep", "lib", "unrelated"], [])


def test_markers_are_evaluated_here(environment):
    environment(
        "app",
        'here; python_version >= "3"',
        'there; python_version < "3"',
        'nowhere; sys_platform == "amiga"',
    )
    environment("here")
    assert names(environment, "app") == (["app", "here"], [])


def test_extras_only_where_they_are_asked_for(environment):
    environment(
        "app",
        "always",
        'for-fast; extra == "fast"',
        'app[fast]; extra == "all"',
        'old; (python_version < "3") and extra == "fast"',
        'spelt; extra == "My_Extra"',
        extras=("fast", "all", "My_Extra"),
    )
    for name in ("always", "for-fast", "spelt"):
        environment(name)
    environment("user", "app[fast]")
    assert names(environment, "app") == (["always", "app"], [])
    assert names(environment, "app[fast]") == (["always", "app", "for-fast"], [])
    assert names(environment, "app[all]") == (["always", "app", "for-fast"], [])
    assert names(environment, "app[My-Extra]") == (["always", "app", "spelt"], [])
    # The extra is asked for after the distribution was seen without it.
    for asked in (("app", "user"), ("user", "app")):
        assert names(environment, *asked)[0] == ["always", "app", "for-fast", "user"]


def test_cycles_end(environment):
    environment("one", "two", 'one[more]; extra == "more"')
    environment("two", "one[more]")
    assert names(environment, "one") == (["one", "two"], [])


def test_missing_ones_are_named(environment):
    environment("app", "gone", "gone[x]", "lib")
    environment("lib", "gone-too")
    assert names(environment, "app") == (["app", "lib"], ["gone", "gone-too"])
    found = install_size(["app"], None, environment.path)
    assert (found.missing, found.wheel_bytes) == (("gone", "gone-too"), None)


def test_sizes_are_of_files_that_exist(environment):
    files = {"app/__init__.py": "x" * 10, "app/data.bin": "y" * 90, "app/old.pyc": "z" * 1000}
    folder = environment("app", "bare", files=files)
    with (folder / "RECORD").open("a") as record:
        record.write("app/removed.py,,\napp/data.bin,,\n")
    environment("bare", record=False)
    found = install_size(["app"], None, environment.path)
    by_name = {entry.name: entry for entry in found.distributions}
    assert by_name["app"].installed_bytes == found.installed_bytes == 100
    assert (by_name["bare"].installed_bytes, by_name["bare"].note) == (None, "no RECORD")
    assert found.reason == "wheels were not asked for"


def test_an_editable_install_counts_its_sources(environment, tmp_path):
    package = tmp_path / "sources" / "app"
    (package / "inner" / "__pycache__").mkdir(parents=True)
    (package / "__init__.py").write_text("a" * 5_000)
    (package / "inner" / "__init__.py").write_text("b" * 5_000)
    (package / "inner" / "__pycache__" / "x.pyc").write_text("c" * 5_000)
    (tmp_path / "sources" / "notes.txt").write_text("not in a package")
    folder = environment("app", files={"_app.pth": f"{package.parent}\nimport os\n"})
    (folder / "direct_url.json").write_text('{"url": "file:///x", "dir_info": {"editable": true}}')
    found = install_size(["app"], 0, environment.path)
    (entry,) = found.distributions
    assert entry.installed_bytes == 10_000
    assert 0 < entry.wheel_bytes == found.wheel_bytes < 1_000
    assert entry.note.startswith("editable")
    assert found.reason is None


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A folder that pip takes for the whole world, with the wheel of `app` in it."""
    import zipfile

    folder = tmp_path / "index"
    folder.mkdir()
    with zipfile.ZipFile(folder / "my_app-1.0-py3-none-any.whl", "w") as wheel:
        metadata = "Metadata-Version: 2.1\nName: my-app\nVersion: 1.0\n"
        wheel.writestr("my_app-1.0.dist-info/METADATA", metadata)
        wheel.writestr("my_app-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\n")
        wheel.writestr("my_app-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def test_a_missing_wheel_does_not_cost_the_others(environment, index):
    environment("my-app", "unpublished")
    environment("unpublished")
    found = install_size(["my-app"], 60, environment.path)
    app, other = found.distributions
    assert app.wheel_bytes == (index / "my_app-1.0-py3-none-any.whl").stat().st_size
    assert other.wheel_bytes is None
    assert "unpublished" in other.note
    assert (found.wheel_bytes, found.reason) == (None, "not known: unpublished")


def test_without_pip_or_time(monkeypatch):
    def too_slow(*_, timeout, **__):
        raise subprocess.TimeoutExpired("pip", timeout)

    monkeypatch.setattr(wheel_size.subprocess, "run", too_slow)
    sizes, notes = wheel_size.wheel_bytes([("a", "1"), ("b", "1")], 0)
    assert (sizes, list(notes)) == ({}, ["a", "b"])
    monkeypatch.setattr(wheel_size.importlib.util, "find_spec", lambda _: None)
    assert wheel_size.wheel_bytes([("a", "1")], 9) == ({}, {"a": "no pip in this environment"})


def test_pips_own_copy_of_packaging_serves(environment, monkeypatch):
    environment("app", 'lib; extra == "x"', extras=("x",))
    environment("lib")
    monkeypatch.setitem(sys.modules, "packaging", None)
    monkeypatch.setitem(sys.modules, "packaging.requirements", None)
    assert names(environment, "app[x]") == (["app", "lib"], [])
    assert normalised("A_b.C") == "a-b-c"


def test_the_command_needs_nothing_of_limen_but_its_folder():
    """As in a rival's environment: no site-packages of ours, only `bench` on the path."""
    bench = Path(module.__file__).parents[1]
    code = (
        "import sys; from limen_bench.install_size import main;"
        "outside = {'numpy', 'limen', 'onnxruntime'} & set(sys.modules);"
        "sys.exit(3) if outside else sys.exit(main(['--json', '--no-wheels', 'pytest', 'gone-x']))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env={"PYTHONPATH": str(bench)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "")
    found = json.loads(done.stdout)
    assert found["missing"] == ["gone-x"]
    assert "pluggy" in {entry["name"] for entry in found["distributions"]}


def test_the_table(capsys):
    assert module.main(["--no-wheels", "packaging"]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("packaging ")
    assert "not asked for" in printed.err


def test_what_is_no_requirement_is_refused(capsys):
    assert module.main(["--no-wheels", "=="]) == 2
    assert capsys.readouterr().err.startswith("limen_bench.install_size: ")


def test_a_source_counts_what_is_read_of_it(tmp_path):
    sizes_of = {"config.json": 1, "tokenizer.json": 2, "model.safetensors": 100}
    others = {"pytorch_model.bin": 1000, "optimizer.pt": 2000, "model.onnx": 4000, "README.md": 8}
    for name, size in {**sizes_of, **others}.items():
        (tmp_path / name).write_bytes(b"x" * size)
    assert sizes._source_bytes(tmp_path) == 103
    (tmp_path / "model.safetensors").unlink()
    assert sizes._source_bytes(tmp_path) == 1003
    assert sizes._source_bytes(None) == 0


def test_what_takes_too_long_ends_with_its_children(tmp_path, monkeypatch):
    monkeypatch.setattr(sizes, "_SECONDS_AT_MOST", 1)
    late = tmp_path / "late"
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"
    child = f"import time; time.sleep(3); open({str(late)!r}, 'w')"
    begin = monotonic()
    with pytest.raises(subprocess.TimeoutExpired):
        sizes._printed([sys.executable, "-c", code, child])
    assert monotonic() - begin < 3
    sleep(3)
    assert not late.exists()
