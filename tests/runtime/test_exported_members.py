"""What `import limen` offers, and its errors."""

from types import ModuleType

import limen
import pytest
from limen import errors

BUILTINS = {
    "InputError": ValueError,
    "FormatError": ValueError,
    "EngineError": RuntimeError,
    "ExportError": ValueError,
    "OutputError": OSError,
    "MissingExtraError": ImportError,
}


def test_all_is_what_there_is():
    offered = {
        name
        for name, value in vars(limen).items()
        if not name.startswith("_") and not isinstance(value, ModuleType)
    }
    assert set(limen.__all__) == {*offered, "__version__"}
    assert limen.__all__ == sorted(limen.__all__)
    assert [name for name in limen.__all__ if not hasattr(limen, name)] == []


def test_every_public_name_says_what_it_is():
    public = [name for name in limen.__all__ if name != "__version__"]
    assert [name for name in public if not (getattr(limen, name).__doc__ or "").strip()] == []


def test_the_version_is_the_installed_ones():
    from importlib.metadata import version

    assert limen.__version__ == version("limen")


def test_no_error_is_left_out():
    classes = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, Exception)
    }
    assert classes == {*BUILTINS, "LimenError"}
    assert classes <= set(limen.__all__)
    assert all(getattr(limen, name) is getattr(errors, name) for name in classes)


@pytest.mark.parametrize("name", BUILTINS)
def test_every_error_is_limens_and_its_builtin(name):
    error = getattr(errors, name)
    assert issubclass(error, errors.LimenError)
    assert issubclass(error, BUILTINS[name])
    assert str(error("model.onnx: a message")) == "model.onnx: a message"


@pytest.mark.parametrize("name", BUILTINS)
def test_the_docstring_draws_every_error_on_its_own_line(name):
    lines = [line for line in errors.__doc__.splitlines() if name in line]
    assert len(lines) == 1
    assert lines[0].strip().split()[:3] in (
        ["├──", name, f"({BUILTINS[name].__name__})"],
        ["└──", name, f"({BUILTINS[name].__name__})"],
    )
