"""All `limen.*` properties as one value; the only place that spells their names."""

from collections.abc import Mapping
from dataclasses import dataclass

from limen.errors import FormatError
from limen.format import json_block
from limen.format.decision_block import DecisionBlock
from limen.format.encoder_block import EncoderBlock
from limen.format.evidence_block import Evidence
from limen.format.record_blocks import ExecutionBlock, Golden, Provenance

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


@dataclass(frozen=True)
class Metadata:
    """Everything a classifier file carries beside its graph."""

    decision: DecisionBlock
    encoder: EncoderBlock
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
    def from_properties(cls, properties: Mapping[str, str]) -> "Metadata":
        """Read the properties of a file whose format number has been checked.

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
            encoder=EncoderBlock.from_json(node["limen.encoder"]),
            execution=ExecutionBlock.from_json(node["limen.execution"]),
            evidence=Evidence.from_json(node["limen.evidence"]),
            golden=Golden.from_json(node["limen.golden"]),
            provenance=Provenance.from_json(node["limen.provenance"]),
        )

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
