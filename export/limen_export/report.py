"""What an export found out, for a person and for programs."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from limen.commands.fit_lines import fit_lines
from limen.commands.rung_lines import rung_lines
from limen.counted import counted
from limen.format import Evidence, Precision
from limen.format.json_block import Json

from limen_export.rung_choice import ladder_notices


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
        source: what the source was recognised as.
    """

    path: Path
    size_bytes: int
    digest: str
    precision: Precision
    evidence: Evidence
    notices: tuple[str, ...]
    source: str = ""

    @property
    def all_notices(self) -> tuple[str, ...]:
        """The notices, and what the ladder has to say."""
        return (*self.notices, *ladder_notices(self.evidence))

    @property
    def _recognised(self) -> str:
        return f" ({self.source})" if self.source else ""

    def to_json(self) -> Json:
        """Return the report for machines."""
        return {
            "digest": self.digest,
            "evidence": self.evidence.to_json(),
            "file": str(self.path),
            "notices": list(self.all_notices),
            "precision": self.precision,
            "size_bytes": self.size_bytes,
            "source": self.source,
        }

    def to_text(self, said: Collection[str] = ()) -> str:
        """Return the report for a person.

        Args:
            said: notices of fits that the person has read already; they are not said again.
        """
        return "\n".join(
            [
                *(f"note: {notice}" for notice in self.all_notices),
                *rung_lines(self.evidence, self.precision),
                f"   compared with the source{self._recognised} on "
                f"{counted(self.evidence.texts, 'text')}: "
                f"{self.evidence.texts_name}",
                *(f"   {line}" for fit in self.evidence.fits for line in fit_lines(fit, said)),
                f"wrote {self.path}  {self.size_bytes / 1e6:.1f} MB  {self.digest[:19]}...",
            ]
        )
