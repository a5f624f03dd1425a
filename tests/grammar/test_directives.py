"""Directives that are looked up before a file is parsed."""

from __future__ import annotations

import pytest

from layerc.grammar.directives import find_directive
from layerc.grammar.source import SourceFile


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("# syntax = a/b // options\nFROM x", ("a/b", "a/b // options", 1)),
        ("\ufeff#syntax=a\r\n", ("a", "a", 1)),
        ("#!/bin/sh\n# syntax=a\n", ("a", "a", 2)),
        ("# escape=`\n# Syntax=a\n", ("a", "a", 2)),
        ("// syntax=a\nanything", ("a", "a", 1)),
        ("#!x\n//syntax=a", ("a", "a", 2)),
        ('{"syntax": "a", "other": [1]}', ("a", "a", 1)),
        ('{"syntax": "a"', None),
        ('{"syntax": 1}', None),
        ('["syntax"]', None),
        ("{" * 100_000, None),
        ('{"a":' * 100_000, None),
        (" # syntax=a\n", None),
        ("\n# syntax=a\n", None),
        ("# a comment\n# syntax=a\n", None),
        ("# escape=`\n# escape=`\n# syntax=a\n", None),
        ("# syntax=\n", None),
        ("", None),
    ],
)
def test_syntax(text: str, found: tuple[str, str, int] | None) -> None:
    assert find_directive(SourceFile("f", text), "syntax") == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("#check = skip=all // x\n", ("skip=all", "skip=all // x", 1)),
        ("#!/bin/sh\n# check = skip=all\n", ("skip=all", "skip=all", 2)),
        ("// check=skip=all\n", None),
        ('{"check": "skip=all"}', None),
    ],
)
def test_check_has_one_form_only(text: str, found: tuple[str, str, int] | None) -> None:
    assert find_directive(SourceFile("f", text), "check") == found
