"""The folder in which a training grows: beside its target, under another name, until it is whole.
One that was interrupted is found again by what it was to become.
"""

import json
import shutil
from contextlib import suppress
from dataclasses import dataclass
from hashlib import file_digest, sha256
from pathlib import Path

from limen.errors import InputError, OutputError

from limen_export.training.checkpoints import last_whole
from limen_export.training.examples import Examples
from limen_export.training.settings import TrainSettings

RECORD = "training.json"
"""In every folder that a training has finished."""
_MARK_DIGITS = 12


def fingerprint(settings: TrainSettings, parts: tuple[Examples, ...], backbone: Path | None) -> str:
    """Return what two trainings with the same result share: SHA-256 over settings, labels, texts
    (by their hashes, in order), truth, and the files of the backbone.
    """
    digest = sha256(json.dumps(settings.to_json(), sort_keys=True).encode())
    for part in parts:
        digest.update(json.dumps([len(part), part.task, *part.labels]).encode())
        digest.update(part.keys.tobytes())
        digest.update(part.truth.tobytes())
    for file in sorted(backbone.iterdir()) if backbone is not None else ():
        if file.is_file():
            with file.open("rb") as opened:
                digest.update(file_digest(opened, "sha256").digest())
    return digest.hexdigest()


@dataclass(frozen=True)
class Unfinished:
    """A training's folder before it is whole.

    Attributes:
        folder: where it grows; goes when the training is finished.
        goes_on: an interrupted run of the same settings and texts left checkpoints in it.
    """

    folder: Path
    goes_on: bool = False

    @property
    def result(self) -> Path:
        """What the training will be."""
        return self.folder / "result"

    @property
    def checkpoints(self) -> Path:
        """What an interrupted run goes on from."""
        return self.folder / "checkpoints"

    def drop_if_nothing_is_lost(self) -> None:
        """Remove the folder, unless a checkpoint in it is worth going on from."""
        if last_whole(self.checkpoints) is None:
            shutil.rmtree(self.folder, ignore_errors=True)

    def finish(self, target: Path) -> None:
        """Give the result its name. An older training of that name is removed when the new one
        stands, and so is what interrupted runs under that name left.

        Raises:
            OutputError: it cannot be renamed; the older training is where it was.
        """
        older = target.with_name(f".{target.name}.replaced")
        try:
            shutil.rmtree(older, ignore_errors=True)
            if _is_empty(target):
                target.rmdir()
            if target.exists():
                target.rename(older)
            self.result.rename(target)
        except OSError as error:
            if not target.exists():
                with suppress(OSError):
                    older.rename(target)
            raise OutputError(
                f"{target}: the finished training cannot be put there ({error.strerror or error}); "
                f"it is whole in {self.result}: move it from there"
            ) from error
        for left in (older, *target.parent.glob(f"{_prefix(target)}*")):
            shutil.rmtree(left, ignore_errors=True)


def begin(target: Path, mark: str) -> Unfinished:
    """Make the folder in which a training grows, or find that of an interrupted one.

    Args:
        target: the folder that the training will be; checked before.
        mark: from `fingerprint`.

    Raises:
        OutputError: the folder cannot be made.
    """
    folder = target.with_name(f"{_prefix(target)}{mark[:_MARK_DIGITS]}")
    work = Unfinished(folder)
    try:
        work.checkpoints.mkdir(parents=True, exist_ok=True)
        goes_on = last_whole(work.checkpoints) is not None
        if work.result.exists():
            shutil.rmtree(work.result)
        work.result.mkdir()
    except OSError as error:
        raise OutputError(
            f"{folder}: cannot be written ({error.strerror or error}); choose another folder (-o)"
        ) from error
    return Unfinished(folder, goes_on)


def check_target(target: Path, *, overwrite: bool) -> None:
    """Refuse a target that holds something else than what may be replaced, before texts are read.

    Raises:
        InputError: as above.
    """
    if target.resolve() == Path.cwd():
        raise InputError(f"{target}: this is the current folder; name a new one")
    if not target.exists() or _is_empty(target):
        return
    if not (target / RECORD).is_file():
        raise InputError(
            f"{target}: is there already, and holds no training of limen's; name another folder"
        )
    if not overwrite:
        raise InputError(
            f"{target}: holds a finished training; name another output (-o, of limen build also "
            "--folder), or replace it (--overwrite)"
        )


def _prefix(target: Path) -> str:
    return f".{target.name}.unfinished-"


def _is_empty(target: Path) -> bool:
    return target.is_dir() and not any(target.iterdir())
