"""Every error limen raises on purpose.

    LimenError
    ├── InputError         (ValueError)    what the caller passed
    ├── FormatError        (ValueError)    not a classifier file
    ├── EngineError        (RuntimeError)  onnxruntime or tokenizers refused
    ├── ExportError        (ValueError)    the source cannot become one
    ├── OutputError        (OSError)       a result could not be written
    └── MissingExtraError  (ImportError)   a heavier part is not installed

Each message says what was found, what was expected and what to do next. A text is named by its
index and length and never quoted, because texts can be private.
"""


class LimenError(Exception):
    """Base of every error that limen raises on purpose."""


class InputError(LimenError, ValueError):
    """What the caller passed cannot be used."""


class FormatError(LimenError, ValueError):
    """The file is not a classifier file that this runtime may open."""


class EngineError(LimenError, RuntimeError):
    """onnxruntime or tokenizers refused to work, or computes something else than the file
    promises.
    """


class ExportError(LimenError, ValueError):
    """The source cannot become a classifier file."""


class OutputError(LimenError, OSError):
    """A result could not be written; no half file is left and an older file stays as it was."""


class MissingExtraError(LimenError, ImportError):
    """A part of limen needs libraries that are not installed; the message holds the command that
    installs them.
    """


def reason(error: BaseException) -> str:
    """Return the first line of a foreign exception, short enough to stand inside a message."""
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__
