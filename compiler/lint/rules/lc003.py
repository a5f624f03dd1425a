"""A comment ignores a rule that does not exist.

A slip in the id means that the comment does nothing: the finding stays, or comes back unseen when the rule is
renamed. Ids of hadolint (`DL3008`), of ShellCheck (`SC2086`) and of Docker's build checks are all known.

## Bad

```dockerfile
# layerc ignore=StageNameCase
FROM alpine:3.20 AS Build
```

## Good

```dockerfile
# layerc ignore=StageNameCasing
FROM alpine:3.20 AS Build
```

## When to ignore

Where other versions of the linter, which know the rule, read the same file.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..choosing import UnknownRuleError, check_words
from ..finding import Finding, Fix
from ..rule import Category, Rule, Severity
from ..subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """Each unknown id."""
    from . import RULES

    for ignored in subject.pragmas.ignored:
        try:
            check_words(RULES, (ignored.name,))
        except UnknownRuleError as error:
            help_ = f"did you mean {error.meant}?" if error.meant else "layerc rules lists all"
            fix = Fix.replace(f"write {error.meant}", ignored.span, error.meant)
            yield Finding(ignored.span, str(error), help_, fixes=(fix,) if error.meant else ())


RULE = Rule(
    id="LC003",
    name="unknown-rule-ignored",
    severity=Severity.WARNING,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
    fixable=True,
)
