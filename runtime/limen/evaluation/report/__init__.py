"""What a judgement rests on and says, and how it is shown: as JSON, in a terminal, as a page."""
