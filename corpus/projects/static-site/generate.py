"""Make an HTML page of each text in a folder, and an index of all."""

import argparse
import html
from pathlib import Path

PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>{title}</title><link rel="stylesheet" href="{base}static/style.css"></head>
<body>
{body}
</body>
</html>
"""


def paragraphs(text: str) -> str:
    """Paragraphs and headings, which begin with a #."""
    parts = []
    for block in text.strip().split("\n\n"):
        if block.startswith("# "):
            parts.append(f"<h1>{html.escape(block[2:])}</h1>")
        else:
            parts.append(f"<p>{html.escape(' '.join(block.split()))}</p>")
    return "\n".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", default="/")
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    options = parser.parse_args()
    options.target.mkdir(parents=True, exist_ok=True)
    links = []
    for page in sorted(options.source.glob("*.md")):
        text = page.read_text(encoding="utf-8")
        title = text.split("\n", 1)[0].removeprefix("# ")
        name = f"{page.stem}.html"
        made = PAGE.format(title=html.escape(title), base=options.base, body=paragraphs(text))
        (options.target / name).write_text(made, encoding="utf-8")
        links.append(f'<p><a href="{options.base}{name}">{html.escape(title)}</a></p>')
    index = PAGE.format(title="Index", base=options.base, body="\n".join(links))
    (options.target / "index.html").write_text(index, encoding="utf-8")


main()
