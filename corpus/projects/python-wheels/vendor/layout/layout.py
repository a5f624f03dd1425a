"""Plain-text tables."""


def bars(rows: list[tuple[str, int]]) -> str:
    """One line for each row: a name, and a bar as long as its number."""
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name.ljust(width)}  {'#' * number} {number}" for name, number in rows)
