"""Reading the source checkpoint with transformers, of either major version, to convert it."""

from typing import Any

from transformers import AutoTokenizer, PreTrainedTokenizerFast
from transformers.utils import logging

from limen_bench.engines.engine import OpenJob
from limen_bench.engines.source_folder import source_folder
from limen_bench.engines.tokens import Padding, write_tokenizer

logging.set_verbosity_error()  # type: ignore[no-untyped-call]
logging.disable_progress_bar()  # type: ignore[no-untyped-call]


def read_tokenizer(job: OpenJob) -> Any:  # noqa: ANN401
    """Return the checkpoint's tokenizer."""
    folder = source_folder(job)
    try:
        return AutoTokenizer.from_pretrained(folder)
    except ValueError:
        # transformers 5 writes a class name that 4.57 does not know; the tokenizer.json is fine.
        return PreTrainedTokenizerFast.from_pretrained(folder)


def write_padded_tokenizer(job: OpenJob) -> None:
    """Write the tokenizer of a rival that is a bare session, padding as the checkpoint pads."""
    known = read_tokenizer(job)
    write_tokenizer(
        job, Padding(known.pad_token, int(known.pad_token_id), int(known.pad_token_type_id))
    )
