"""What an export found out, and the table that shows it."""

from dataclasses import dataclass
from pathlib import Path

from limen.commands.fit_lines import fit_lines
from limen.format import Evidence, Precision, Rung
from limen.format.json_block import Json


@dataclass(frozen=True)
class ExportReport:
    """The outcome of an export.

    Attributes:
        path: the file that was written.
        size_bytes: its size.
        digest: its digest.
        precision: its precision.
        evidence: what is in the file: every precision compared with the source.
        notices: what the user should know.
    """

    path: Path
    size_bytes: int
    digest: str
    precision: Precision
    evidence: Evidence
    notices: tuple[str, ...]

    def to_json(self) -> Json:
        """Return the report for machines."""
        return {
            "digest": self.digest,
            "evidence": self.evidence.to_json(),
            "file": str(self.path),
            "notices": list(self.notices),
            "precision": self.precision,
            "size_bytes": self.size_bytes,
        }

    def to_text(self) -> str:
        """Return the report for a person."""
        return "\n".join(
            [
                *(f"note: {notice}" for notice in self.notices),
                table(self.evidence, self.precision),
                *(f"   {line}" for fit in self.evidence.fits for line in fit_lines(fit)),
                f"wrote {self.path}  {self.size_bytes / 1e6:.1f} MB  {self.digest[:19]}...",
            ]
        )


def table(evidence: Evidence, chosen: Precision) -> str:
    """Show every precision that was tried; the file's own is marked."""
    header = ("", "precision", "MB", "largest logit difference", "texts decided alike", "p50 ms")
    rows = [header, *(_row(rung, chosen) for rung in evidence.rungs)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(header))]
    lines = [
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    ]
    lines.append(f"   compared with the source on {evidence.texts:,} texts: {evidence.texts_name}")
    return "\n".join(lines)


def _row(rung: Rung, chosen: Precision) -> tuple[str, ...]:
    return (
        "->" if rung.precision == chosen else "",
        rung.precision,
        f"{rung.size_bytes / 1e6:.1f}",
        f"{rung.max_logit_difference:.2g}",
        f"{rung.texts_alike:.2%}",
        "-" if rung.p50_ms is None else f"{rung.p50_ms:.2f}",
    )
