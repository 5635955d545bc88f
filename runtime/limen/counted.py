"""A number of things, in words."""


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, such as `1 text` or `2,000 texts`.

    Args:
        number: how many.
        noun: for one of them; more of them take an s.
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
