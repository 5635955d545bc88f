"""limen's bench: measures classifier files, and what people would use instead."""
