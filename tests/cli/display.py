"""A small terminal: it understands what our progress sends, and fails on everything else."""

from __future__ import annotations

import re

from layerc.runtime.cli.terminal import cells

__all__ = ["Display"]

_TOKEN = re.compile(
    r"\x1b\[(?P<private>\??)(?P<number>[0-9;]*)(?P<final>[A-Za-z])|(?P<char>[^\x1b])", re.DOTALL
)


class Display:
    """Rows of text that scroll; ``history`` are the rows that have left at the top."""

    def __init__(self, columns: int, rows: int) -> None:
        self.columns, self.height = columns, rows
        self.rows: list[list[str]] = [[]]
        self.history: list[str] = []
        self.row = self.column = 0
        self.cursor_shown = True
        self.synchronised = False
        self.wrapped = 0

    def feed(self, text: str) -> None:
        position = 0
        while position < len(text):
            match = _TOKEN.match(text, position)
            assert match is not None, f"unknown sequence {text[position : position + 10]!r}"
            position = match.end()
            if match["char"] is not None:
                self._character(match["char"])
            else:
                self._sequence(match["private"], match["number"], match["final"])

    def lines(self) -> list[str]:
        """What stands on the screen, above it what has left."""
        shown = ["".join(row).rstrip() for row in self.rows]
        while shown and not shown[-1]:
            shown.pop()
        return self.history + shown

    def _character(self, char: str) -> None:
        if char == "\r":
            self.column = 0
        elif char == "\n":
            self._line_feed()
        else:
            assert char.isprintable(), f"not printable: {char!r}"
            self._put(char)

    def _put(self, char: str) -> None:
        taken = cells(char)
        if self.column + taken > self.columns:
            self.wrapped += 1
            self._line_feed()
            self.column = 0
        row = self.rows[self.row]
        row.extend(" " * (self.column - len(row)))
        row[self.column : self.column + taken] = [char, *([""] * (taken - 1))] if taken else []
        self.column += taken

    def _line_feed(self) -> None:
        self.row += 1
        if self.row == len(self.rows):
            self.rows.append([])
        if len(self.rows) > self.height:
            self.history.append("".join(self.rows.pop(0)).rstrip())
            self.row -= 1

    def _sequence(self, private: str, number: str, final: str) -> None:
        match private, number, final:
            case "", count, "A":
                assert int(count or 1) <= self.row, "the cursor would leave the screen"
                self.row -= int(count or 1)
            case "", "", "K":
                del self.rows[self.row][self.column :]
            case "", "", "J":
                del self.rows[self.row][self.column :]
                del self.rows[self.row + 1 :]
            case "?", "25", "l" | "h":
                self.cursor_shown = final == "h"
            case "?", "2026", "l" | "h":
                self.synchronised = final == "h"
            case "", _, "m":
                pass
            case _:
                raise AssertionError(f"unknown sequence {private}{number}{final}")
