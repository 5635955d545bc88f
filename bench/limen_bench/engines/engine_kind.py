"""What the table of engines says of each."""

from dataclasses import dataclass
from typing import Literal

from limen.devices import Device

from limen_bench.engines.source_kind import SourceKind

BATCHES = (1, 4, 16, 64)
"""Batch sizes that a sweep tries, where an engine's own documentation names no others."""


@dataclass(frozen=True)
class EngineKind:
    """One engine.

    Attributes:
        name: what `--rivals` calls it.
        title: what tables call it.
        module: the module that opens it, an `EngineModule`.
        precision: of the weights, as the engine's own makers call it.
        distributions: what a user installs for it, in a bare environment; the file's size is
            counted apart.
        set_up: what its documentation advises and was followed, with the address.
        device: where it computes; a file made for another device is not compared with it.
        python: name of the environment it needs (`--python NAME=PATH`); "" for the harness's own.
        needs_source: it cannot work from the classifier file.
        made_from: the kind of source it is made from, where it needs one.
        usual: it stands beside limen where `--source` is given and `--rivals` is not.
        exact: fp32 arithmetic, so its logits must be those of the source.
        control: it is the baseline once more; measured in the rounds only, where its ratio shows
            what noise alone makes of two engines that are the same.
        batches: batch sizes of the sweep; (1,) for an engine that makes its own.
        usual_batch: the one without a sweep.
        concurrent: several threads may call it at once; a server would run one for each core.
    """

    name: str
    title: str
    module: str
    precision: Literal["fp32", "fp16", "bf16", "int8", "own"]
    distributions: tuple[str, ...]
    set_up: str
    device: Device = "cpu"
    python: str = ""
    needs_source: bool = True
    made_from: SourceKind = "checkpoint"
    usual: bool = False
    exact: bool = False
    concurrent: bool = False
    control: bool = False
    batches: tuple[int, ...] = BATCHES
    usual_batch: int = 16
