"""All `limen.*` properties as one value; the only place that spells their names."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from limen.errors import FormatError, InputError
from limen.format import json_block
from limen.format.decision_block import DecisionBlock
from limen.format.encoder_block import EncoderBlock
from limen.format.evidence_block import Evidence
from limen.format.json_block import Node
from limen.format.record_blocks import ExecutionBlock, Golden, Provenance
from limen.format.tables import Tables
from limen.format.tfidf_block import TfidfBlock

PREFIX = "limen."
FORMAT = 1
FORMAT_KEY = "limen.format"
DIGEST_KEY = "limen.digest"
_BLOCK_KEYS = (
    "limen.decision",
    "limen.encoder",
    "limen.evidence",
    "limen.execution",
    "limen.golden",
    "limen.provenance",
)


EncoderKind: TypeAlias = EncoderBlock | TfidfBlock
"""The kinds of encoders: `tokens` and `tfidf`."""


def token_block(encoder: EncoderKind) -> EncoderBlock:
    """Return an encoder that reads tokens.

    Raises:
        InputError: it is of another kind.
    """
    if not isinstance(encoder, EncoderBlock):
        raise InputError(
            "this encoder counts words or characters (kind tfidf), and reads texts whole; what was "
            "asked for is for encoders that read tokens"
        )
    return encoder


@dataclass(frozen=True)
class Metadata:
    """Everything a classifier file carries beside its graph."""

    decision: DecisionBlock
    encoder: EncoderKind
    execution: ExecutionBlock
    evidence: Evidence
    golden: Golden
    provenance: Provenance

    def to_properties(self) -> dict[str, str]:
        """Return every property but the digest, by name."""
        blocks = {
            "limen.decision": self.decision.to_json(),
            "limen.encoder": self.encoder.to_json(),
            "limen.evidence": self.evidence.to_json(),
            "limen.execution": self.execution.to_json(),
            "limen.golden": self.golden.to_json(),
            "limen.provenance": self.provenance.to_json(),
        }
        properties = {key: json_block.dump(block) for key, block in blocks.items()}
        properties[FORMAT_KEY] = str(FORMAT)
        return properties

    @classmethod
    def from_properties(
        cls, properties: Mapping[str, str], tables: Callable[[], Tables] = dict
    ) -> "Metadata":
        """Read the properties of a file whose format number has been checked.

        Args:
            properties: by name.
            tables: reads the tables of the graph, where the encoder has some.

        Raises:
            FormatError: a property is missing, unknown, or not as docs/format.md says.
        """
        expected = {*_BLOCK_KEYS, FORMAT_KEY, DIGEST_KEY}
        missing = sorted(expected - properties.keys())
        if missing:
            raise FormatError(f"properties missing: {', '.join(missing)}")
        unknown = sorted(key for key in properties.keys() - expected if key.startswith(PREFIX))
        if unknown:
            raise FormatError(
                f"properties that format {FORMAT} does not have: {', '.join(unknown)}"
            )
        node = {key: json_block.parse(properties[key], key) for key in _BLOCK_KEYS}
        return cls(
            decision=DecisionBlock.from_json(node["limen.decision"]),
            encoder=_encoder(node["limen.encoder"], tables),
            execution=ExecutionBlock.from_json(node["limen.execution"]),
            evidence=Evidence.from_json(node["limen.evidence"]),
            golden=Golden.from_json(node["limen.golden"]),
            provenance=Provenance.from_json(node["limen.provenance"]),
        )

    @property
    def token_encoder(self) -> EncoderBlock:
        """The encoder of a file that reads tokens; InputError where it is of another kind."""
        return token_block(self.encoder)

    @property
    def tables(self) -> Tables:
        """What the graph holds for the encoder."""
        return self.encoder.tables() if isinstance(self.encoder, TfidfBlock) else {}

    def check_widths(self) -> None:
        """Check that what is kept for each output or label is kept for all of them.

        Raises:
            FormatError: golden logits or figures of labels are more or fewer.
        """
        outputs, labels = self.decision.outputs, len(self.decision.labels)
        if any(len(row) != outputs for row in self.golden.logits):
            raise FormatError(f"limen.golden: rows of {outputs:,} logits expected")
        for fit in self.evidence.fits:
            if not len(fit.label_f1) == len(fit.support) == labels:
                raise FormatError(f"limen.evidence: fits: figures of {labels:,} labels expected")


def _encoder(node: Node, tables: Callable[[], Tables]) -> EncoderKind:
    if node.string("kind", ("tokens", "tfidf")) == "tokens":
        return EncoderBlock.from_json(node)
    return TfidfBlock.from_json(node, tables())


def check_format(properties: Mapping[str, str]) -> None:
    """Refuse a file without limen's properties, or of a format number that this runtime does not
    read.

    Raises:
        FormatError: as above.
    """
    if not any(key.startswith(PREFIX) for key in properties):
        raise FormatError("an ONNX file without limen's properties; make one with: limen export")
    found = properties.get(FORMAT_KEY)
    if found != str(FORMAT):
        shown = "none" if found is None else repr(found[:20])
        raise FormatError(
            f"format number {shown}, this runtime reads {FORMAT}; upgrade limen, or export the "
            f"model again"
        )
