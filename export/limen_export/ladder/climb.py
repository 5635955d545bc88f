"""Climbing the ladder: rungs are built and judged from the fastest on, until one passes."""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np
import onnx
import onnx_ir as ir
from limen.arrays import FloatArray
from limen.encoder import open_encoder
from limen.engine import Engine
from limen.errors import ExportError, LimenError
from limen.format import (
    DecisionBlock,
    EncoderBlock,
    ExecutionBlock,
    MadeFor,
    Precision,
    token_block,
)
from limen.inference import Inference
from limen.opening import together
from limen.progress import Progress
from limen.threads import thread_count
from limen.token_encoder import TokenEncoder

from limen_export.encoder_kinds import rungs
from limen_export.graph.half_precision import half_precision
from limen_export.graph.int8_matrices import matrix_names
from limen_export.ladder.candidate import Candidate, candidate_of, serialised
from limen_export.ladder.judging import Judging
from limen_export.ladder.rung_graphs import RungGraphs
from limen_export.ladder.sensitivity import Sensitivity, by_gain
from limen_export.reference import Reference
from limen_export.settings import PrecisionChoice

_Build: TypeAlias = Callable[[Precision, AbstractSet[str]], onnx.ModelProto]
_OBSERVED_TEXTS = 64
_SENSITIVITY_TEXTS = 300
_MIXED: Literal["int8-mixed"] = "int8-mixed"


@dataclass(frozen=True)
class Climb:
    """What was tried, in the order of the ladder, fp32 last.

    Attributes:
        tried: rungs that were built.
        chosen: place of the one to write.
        matrices: weight matrices of the body.
        notices: rungs that could not be built, and why.
    """

    tried: tuple[Candidate, ...]
    chosen: int
    matrices: int
    notices: tuple[str, ...] = ()


class Ladder:
    """The rungs of one model, judged on the same texts."""

    def __init__(
        self,
        fp32: ir.Model,
        reference: Reference,
        decision: DecisionBlock,
        judging: Judging,
        told: Progress,
        device: MadeFor = "cpu",
    ) -> None:
        """Put together what every rung needs.

        Args:
            fp32: the graph, after all passes; for a GPU with a mask. For a source that is quantised
                already, its graph.
            reference: the source.
            decision: rule, labels, link and the point at which sensitivities are measured.
            judging: texts, and the gate.
            told: is told what is built.
            device: what the rungs are made for.
        """
        self._device: MadeFor = device
        self._fp32 = fp32
        self._reference = reference
        self._decision = decision
        self._judging = judging
        self._told = told

    @cached_property
    def _graphs(self) -> RungGraphs:
        """What makes the int8 rungs, prepared when the first of them is built."""
        if not isinstance(self._reference.encoder, EncoderBlock):
            # There are rows alone, whose scales need no texts.
            return RungGraphs(self._fp32, {}, {})
        self._told.step("observing what reaches the matrices")
        texts = self._judging.texts.texts
        labelled = 0 if self._judging.labelled is None else len(self._judging.labelled.texts)
        # Those that the metric is judged on stay unseen where there are enough others.
        others = texts[labelled:]
        seen = others if len(others) >= _OBSERVED_TEXTS else texts
        return prepare_graphs(self._fp32, self._reference, seen)

    def climb(self, wanted: PrecisionChoice) -> Climb:
        """Build fp32, which must give the source's logits, then rungs from the fastest on until one
        passes; or the wanted one alone. A graph that is quantised already is the only rung.

        Raises:
            ExportError: fp32 does not agree with the source, or the wanted rung does not pass.
            LimenError: the wanted rung cannot be built.
        """
        if self._reference.precision != "fp32":
            return self._result((self._judged(self._reference.precision),), 0)
        exact = self._judged("fp32")
        if wanted == "auto":
            return self._first_that_passes(exact)
        if wanted == "fp32":
            tried: tuple[Candidate, ...] = (exact,)
        else:
            tried = (self._mixed()[-1] if wanted == _MIXED else self._judged(wanted), exact)
        if not tried[0].figures.passes:
            others = "" if wanted == "fp32" else "use --precision auto or fp32, or "
            raise ExportError(
                f"{self._reference.name}: {wanted} does not pass the quality gate "
                f"({tried[0].figures.why}); nothing was written: {others}"
                "allow more with --max-drop and --min-agreement"
            )
        return self._result(tried, 0)

    def _first_that_passes(self, exact: Candidate) -> Climb:
        tried: list[Candidate] = []
        notices: list[str] = []
        for precision in rungs(self._reference, self._device):
            try:
                tried += self._mixed() if precision == _MIXED else [self._judged(precision)]
            except LimenError as error:
                notices.append(f"{precision} is left out: {error}")
                continue
            if tried[-1].figures.passes:
                break
        passed = [place for place, rung in enumerate(tried) if rung.figures.passes]
        return self._result((*tried, exact), passed[0] if passed else len(tried), tuple(notices))

    def _result(
        self, tried: tuple[Candidate, ...], chosen: int, notices: tuple[str, ...] = ()
    ) -> Climb:
        if not tried[chosen].figures.passes:
            raise ExportError(
                f"{self._reference.name}: no precision passes the quality gate; the last, "
                f"{tried[chosen].precision}: {tried[chosen].figures.why}; nothing was written"
            )
        return Climb(tried, chosen, len(matrix_names(self._fp32)), notices)

    def _judged(self, precision: Precision, in_float: tuple[str, ...] = ()) -> Candidate:
        # What int8 needs is observed before the step that says what is built.
        build = self._build_cpu(precision) if self._device == "cpu" else self._build_cuda
        count = len(self._judging.texts.texts)
        matrices = "matrix" if len(in_float) == 1 else "matrices"
        kept = f" with {len(in_float)} {matrices} in float" if in_float else ""
        self._told.step(f"building {precision}{kept} and running it on {count:,} texts")
        return candidate_of(
            build(precision, frozenset(in_float)),
            ExecutionBlock.made_for(self._device, precision, joined=self._reference.joined),
            in_float,
            self._reference,
            self._decision,
            self._judging,
        )

    def _build_cpu(self, precision: Precision) -> _Build:
        if precision == self._reference.precision:
            given = RungGraphs(self._fp32, {}, {})
            return lambda _, in_float: given.build("fp32", in_float)
        return self._graphs.build

    def _build_cuda(self, precision: Precision, _: AbstractSet[str]) -> onnx.ModelProto:
        if precision == "fp16":
            return half_precision(self._fp32, self._reference.name)
        return ir.to_proto(self._fp32)

    def _mixed(self) -> list[Candidate]:
        """Keep as few matrices in float as pass: twice as many each time until it does, then
        halving the interval. Returns the last that failed, and the least that passed (or only the
        former).
        """
        order = [one.matrix for one in self._by_sensitivity() if one.gain > 0]
        if not order:
            raise ExportError(
                f"{self._reference.name}: no matrix decides more like the source in float; use "
                "--precision fp32"
            )
        failed, count = None, 1
        while True:
            trial = self._judged(_MIXED, tuple(order[:count]))
            if trial.figures.passes:
                break
            failed = trial
            if count == len(order):
                return [failed]
            count = min(2 * count, len(order))
        least, passed = 0 if failed is None else len(failed.in_float), trial
        while len(passed.in_float) - least > 1:
            middle = (least + len(passed.in_float)) // 2
            trial = self._judged(_MIXED, tuple(order[:middle]))
            if trial.figures.passes:
                passed = trial
            else:
                failed, least = trial, middle
        return [passed] if failed is None else [failed, passed]

    def _by_sensitivity(self) -> tuple[Sensitivity, ...]:
        expected = self._judging.expected
        rows = _spread(len(expected), _SENSITIVITY_TEXTS)
        texts = [self._judging.texts.texts[row] for row in rows]
        block, name = self._reference.encoder, self._reference.name
        encoder, pooled = open_encoder(block), together(block, self._decision)

        def run(graph: onnx.ModelProto) -> FloatArray:
            engine = Engine(serialised(graph, name), name, expected.shape[1], optimisation="none")
            return Inference(encoder, engine, thread_count(None), together=pooled).logits(texts)

        return by_gain(self._graphs, run, expected[rows], self._decision, self._told)


def prepare_graphs(fp32: ir.Model, reference: Reference, texts: tuple[str, ...]) -> RungGraphs:
    """Observe some of the texts in the fp32 graph, spread over all."""
    encoder = TokenEncoder(token_block(reference.encoder))
    ids = [
        np.asarray(encoder.encode(texts[row]).feeds["input_ids"], dtype=np.int64)
        for row in _spread(len(texts), _OBSERVED_TEXTS)
    ]
    return RungGraphs.prepare(fp32, ids)


def _spread(count: int, most: int) -> list[int]:
    """Choose at most so many rows, evenly spread."""
    return sorted({int(place) for place in np.linspace(0, count - 1, min(count, most))})
