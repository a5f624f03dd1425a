"""All rules, in order. A rule is one file here and one entry of this tuple."""

from types import MappingProxyType

from ..rule import Rule
from . import (
    consistent_instruction_casing,
    copy_ignored_file,
    duplicate_stage_name,
    expose_invalid_format,
    expose_proto_casing,
    from_as_casing,
    from_platform_const,
    invalid_base_image_platform,
    invalid_default_arg_in_from,
    invalid_definition_description,
    json_args_recommended,
    lc001,
    lc002,
    lc003,
    legacy_key_value_format,
    maintainer_deprecated,
    multiple_instructions,
    no_empty_continuation,
    redundant_target_platform,
    reserved_stage_name,
    secrets_in_arg_or_env,
    stage_name_casing,
    undefined_arg_in_from,
    undefined_var,
    workdir_relative_path,
)

__all__ = ["BY_ID", "RULES"]

RULES: tuple[Rule, ...] = (
    # LC0xx: the file itself, and what is said to the linter.
    lc001.RULE,
    lc002.RULE,
    lc003.RULE,
    # Docker's build checks, in Docker's order.
    stage_name_casing.RULE,
    from_as_casing.RULE,
    no_empty_continuation.RULE,
    consistent_instruction_casing.RULE,
    duplicate_stage_name.RULE,
    reserved_stage_name.RULE,
    json_args_recommended.RULE,
    maintainer_deprecated.RULE,
    undefined_arg_in_from.RULE,
    workdir_relative_path.RULE,
    undefined_var.RULE,
    multiple_instructions.RULE,
    legacy_key_value_format.RULE,
    invalid_base_image_platform.RULE,
    redundant_target_platform.RULE,
    secrets_in_arg_or_env.RULE,
    invalid_default_arg_in_from.RULE,
    from_platform_const.RULE,
    copy_ignored_file.RULE,
    invalid_definition_description.RULE,
    expose_proto_casing.RULE,
    expose_invalid_format.RULE,
    # LC1xx: the cache.
    # hadolint's.
)

#: The same by id.
BY_ID = MappingProxyType({rule.id: rule for rule in RULES})
