"""A file is written whole or not at all."""

import errno
import os
import stat

import pytest
from limen.errors import OutputError
from limen.format import check_writable, write_whole

OLD, NEW = b"the older file", b"the newer file, longer than the older one"


@pytest.fixture(params=["new", "over an older file"])
def target(request, tmp_path):
    """A path to write to, with what must be there after a failure."""
    path = tmp_path / "model 모델.onnx"
    if request.param == "new":
        return path, {}
    path.write_bytes(OLD)
    return path, {path.name: OLD}


def content(folder):
    """Every file of a folder with its bytes."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_written_whole(target):
    path, _ = target
    write_whole(path, NEW)
    assert content(path.parent) == {path.name: NEW}


@pytest.mark.parametrize("data", [b"", b"\0" * 3_000_000])
def test_any_size(tmp_path, data):
    write_whole(tmp_path / "x.onnx", data)
    assert content(tmp_path) == {"x.onnx": data}


@pytest.mark.parametrize("step", ["fsync", "replace"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_a_failure_leaves_everything_as_it_was(target, monkeypatch, step, code):
    path, before = target

    def fail(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(OutputError, match="nothing was left behind") as caught:
        write_whole(path, NEW)
    assert str(path) in str(caught.value)
    assert os.strerror(code) in str(caught.value)
    assert content(path.parent) == before


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_an_interruption_leaves_everything_as_it_was(target, monkeypatch, step):
    path, before = target

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, step, interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_whole(path, NEW)
    assert content(path.parent) == before


@pytest.mark.skipif(os.name == "nt", reason="no limit on the size of files on Windows")
def test_a_write_that_really_fails_leaves_everything_as_it_was(target, fresh):
    path, before = target
    script = (
        "import resource, sys; from pathlib import Path; from limen.format import write_whole\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "write_whole(Path(sys.argv[1]), b'x' * 5000)"
    )
    done = fresh("-B", "-c", script, path)
    assert done.returncode == 1
    assert b"limen.errors.OutputError" in done.stderr
    assert b"File too large" in done.stderr
    assert content(path.parent) == before


@pytest.mark.parametrize("act", [check_writable, lambda path: write_whole(path, NEW)])
def test_places_that_cannot_be_written_to_are_told_first(tmp_path, act):
    (tmp_path / "file").write_bytes(OLD)
    with pytest.raises(OutputError, match="no such folder; create it first"):
        act(tmp_path / "none" / "x.onnx")
    with pytest.raises(OutputError, match="no such folder"):
        act(tmp_path / "file" / "x.onnx")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match="folder"):
        act(tmp_path / "folder")
    assert (tmp_path / "file").read_bytes() == OLD
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]
    assert [*(tmp_path / "folder").iterdir()] == []


@pytest.mark.parametrize("act", [check_writable, lambda path: write_whole(path, NEW)])
def test_a_folder_that_refuses(target, monkeypatch, act):
    """As a read-only folder does; root may write to one, so the refusal is made here."""
    path, before = target

    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(OutputError, match=r"cannot write there \(Permission denied\)"):
        act(path)
    monkeypatch.undo()
    assert content(path.parent) == before


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write there")
def test_a_read_only_folder(target):
    path, before = target
    path.parent.chmod(0o555)
    try:
        with pytest.raises(OutputError, match="cannot write there"):
            write_whole(path, NEW)
    finally:
        path.parent.chmod(0o755)
    assert content(path.parent) == before


def test_check_writable_changes_nothing(target):
    path, before = target
    check_writable(path)
    assert content(path.parent) == before


def test_a_path_in_the_working_folder(tmp_path, monkeypatch):
    from pathlib import Path

    monkeypatch.chdir(tmp_path)
    check_writable(Path("x.onnx"))
    write_whole(Path("x.onnx"), NEW)
    assert content(tmp_path) == {"x.onnx": NEW}


@pytest.mark.skipif(os.name == "nt", reason="no umask on Windows")
@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_permissions_follow_the_umask(tmp_path, umask):
    before = os.umask(umask)
    try:
        write_whole(tmp_path / "x.onnx", NEW)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "x.onnx").stat().st_mode) == 0o666 & ~umask
