"""The checkpoint that a rival is made from."""

from limen.errors import InputError

from limen_bench.engines.engine import OpenJob


def source_folder(job: OpenJob) -> str:
    """Return the checkpoint's folder as the libraries take it.

    Raises:
        InputError: the user gave none.
    """
    if job.source is None:
        raise InputError(f"{job.name} is made from the checkpoint; give its folder with --source")
    return str(job.source)
