"""The rules of Docker's build checks, by the names, descriptions and addresses that Docker gives them."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["RULES", "Rule", "find_rule"]

_ADDRESS = "https://docs.docker.com/go/dockerfile/rule/"


class Rule(NamedTuple):
    """``detail`` says what is wrong at one place, its fields filled in. An ``experimental`` rule is off unless
    it is asked for. ``page`` is the last part of ``url``; one rule has none.
    """

    name: str
    description: str
    detail: str
    page: str = ""
    experimental: bool = False

    @property
    def url(self) -> str:
        """Where Docker explains the rule; empty if it does not."""
        return f"{_ADDRESS}{self.page}/" if self.page else ""


RULES = (
    Rule(
        "StageNameCasing",
        "Stage names should be lowercase",
        "Stage name '{name}' should be lowercase",
        "stage-name-casing",
    ),
    Rule(
        "FromAsCasing",
        "The 'as' keyword should match the case of the 'from' keyword",
        "'{as_}' and '{from_}' keywords' casing do not match",
        "from-as-casing",
    ),
    Rule(
        "NoEmptyContinuation",
        "Empty continuation lines will become errors in a future release",
        "Empty continuation line",
        "no-empty-continuation",
    ),
    Rule(
        "ConsistentInstructionCasing",
        "All commands within the Dockerfile should use the same casing (either upper or lower)",
        "Command '{keyword}' should match the case of the command majority ({casing})",
        "consistent-instruction-casing",
    ),
    Rule(
        "DuplicateStageName",
        "Stage names should be unique",
        "Duplicate stage name {name}, stage names should be unique",
        "duplicate-stage-name",
    ),
    Rule(
        "ReservedStageName",
        "Reserved words should not be used as stage names",
        "Stage name should not use the same name as reserved stage {name}",
        "reserved-stage-name",
    ),
    Rule(
        "JSONArgsRecommended",
        "JSON arguments recommended for ENTRYPOINT/CMD to prevent unintended behavior related to OS signals",
        "JSON arguments recommended for {keyword} to prevent unintended behavior related to OS signals",
        "json-args-recommended",
    ),
    Rule(
        "MaintainerDeprecated",
        "The MAINTAINER instruction is deprecated, use a label instead to define an image author",
        "Maintainer instruction is deprecated in favor of using label",
        "maintainer-deprecated",
    ),
    Rule(
        "UndefinedArgInFrom",
        "FROM command must use declared ARGs",
        "FROM argument '{name}' is not declared{hint}",
        "undefined-arg-in-from",
    ),
    Rule(
        "WorkdirRelativePath",
        "Relative workdir without an absolute workdir declared within the build can have unexpected results "
        "if the base image changes",
        "Relative workdir {path} can have unexpected results if the base image changes",
        "workdir-relative-path",
    ),
    Rule(
        "UndefinedVar",
        "Variables should be defined before their use",
        "Usage of undefined variable '${name}'{hint}",
        "undefined-var",
    ),
    Rule(
        "MultipleInstructionsDisallowed",
        "Multiple instructions of the same type should not be used in the same stage",
        "Multiple {keyword} instructions should not be used in the same stage because only the last one will "
        "be used",
        "multiple-instructions-disallowed",
    ),
    Rule(
        "LegacyKeyValueFormat",
        "Legacy key/value format with whitespace separator should not be used",
        '"{keyword} key=value" should be used instead of legacy "{keyword} key value" format',
        "legacy-key-value-format",
    ),
    Rule(
        "InvalidBaseImagePlatform",
        "Base image platform does not match expected target platform",
        "Base image {image} was pulled with platform {actual}, expected {expected} for current build",
    ),
    Rule(
        "RedundantTargetPlatform",
        "Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior",
        "Setting platform to predefined {text} in FROM is redundant as this is the default behavior",
        "redundant-target-platform",
    ),
    Rule(
        "SecretsUsedInArgOrEnv",
        "Sensitive data should not be used in the ARG or ENV commands",
        "Do not use ARG or ENV instructions for sensitive data ({keyword} {name})",
        "secrets-used-in-arg-or-env",
    ),
    Rule(
        "InvalidDefaultArgInFrom",
        "Default value for global ARG results in an empty or invalid base image name",
        "Default value for ARG {base} results in empty or invalid base image name",
        "invalid-default-arg-in-from",
    ),
    Rule(
        "FromPlatformFlagConstDisallowed",
        "FROM --platform flag should not use a constant value",
        "FROM --platform flag should not use constant value {platform}",
        "from-platform-flag-const-disallowed",
    ),
    Rule(
        "CopyIgnoredFile",
        "Attempting to Copy file that is excluded by .dockerignore",
        "Attempting to {verb} file {path} that is excluded by .dockerignore",
        "copy-ignored-file",
    ),
    Rule(
        "InvalidDefinitionDescription",
        "Comment for build stage or argument should follow the format: `# <arg/stage name> <description>`. "
        "If this is not intended to be a description comment, add an empty line or comment between the "
        "instruction and the comment.",
        "Comment for {keyword} should follow the format: `# {name} <description>`",
        "invalid-definition-description",
        experimental=True,
    ),
    Rule(
        "ExposeProtoCasing",
        "Protocol in EXPOSE instruction should be lowercase",
        "Defined protocol '{port}' in EXPOSE instruction should be lowercase",
        "expose-proto-casing",
    ),
    Rule(
        "ExposeInvalidFormat",
        "IP address and host-port mapping should not be used in EXPOSE instruction. "
        "This will become an error in a future release",
        "EXPOSE instruction should not define an IP address or host-port mapping, found '{port}'",
        "expose-invalid-format",
    ),
)

_BY_NAME = {rule.name: rule for rule in RULES}


def find_rule(name: str) -> Rule | None:
    """The rule of that name, or none."""
    return _BY_NAME.get(name)
