"""Fills in the templates of a pipeline's values, such as ``{{ env.DATA }}``. Nothing else of Jinja is evaluated."""

from __future__ import annotations

import re
from typing import Any

import dagster as dg

from ballast.errors import SpecError
from ballast.words import one_line, shown

_TEMPLATE = re.compile(
    r"""(\{\{\s*(?:
        env\.[A-Za-z]\w*
      | env\(\s*(?:'\w+'|"\w+")\s*(?:,\s*(?:'[^'"\\{}]*'|"[^'"\\{}]*"|[0-9.]+|None|True|False)\s*)?\)
      | context\.project_root
      | (?P<variable>[A-Za-z]\w*)
    )\s*\}\})""",
    re.VERBOSE | re.ASCII,
)
_OPENINGS = ("{{", "{%", "{#")


def filled(attributes: Any, context: dg.ResolutionContext) -> Any:
    """Gives values with all templates in them filled in; text without one stays as it is.

    A text that is one template takes the value's type, so that ``{{ env.SEED }}`` can be a number; in a longer text
    it becomes text. Allowed are ``{{ env.NAME }}``, ``{{ env('NAME') }}``, ``{{ env('NAME', 'default') }}``,
    ``{{ context.project_root }}`` and a template variable of the project, ``{{ name }}``.

    Raises SpecError with a line, naming the key, for each other template, and for each that stands for nothing.
    """
    problems: list[str] = []

    def inner(value: Any, key: str) -> Any:
        if isinstance(value, dict):
            return {k: inner(v, f"{key}.{k}".lstrip(".")) for k, v in value.items()}
        if isinstance(value, list):
            return [inner(v, f"{key}.{i}") for i, v in enumerate(value)]
        try:
            return _filled(value, context, key)
        except SpecError as error:
            problems.append(one_line(str(error)))
            return value

    found = inner(attributes, "")
    if problems:
        raise SpecError("\n".join(problems))
    return found


def _filled(value: Any, context: dg.ResolutionContext, key: str) -> Any:
    if not isinstance(value, str) or not any(opening in value for opening in _OPENINGS):
        return value
    if (whole := _TEMPLATE.fullmatch(value)) is not None:
        return _value(whole, context, key)
    parts, end = [], 0
    for match in _TEMPLATE.finditer(value):
        parts.append(_plain(value[end : match.start()], value, key))
        parts.append(str(_needed(_value(match, context, key), match, key)))
        end = match.end()
    return "".join([*parts, _plain(value[end:], value, key)])


def _plain(text: str, whole: str, key: str) -> str:
    if any(opening in text for opening in _OPENINGS):
        raise SpecError(
            f"{key}: the template in {shown(whole)} is not allowed; a value may hold {{{{ env.NAME }}}}, "
            "{{ env('NAME', 'default') }} or {{ context.project_root }} and nothing else of Jinja"
        )
    return text


def _value(template: re.Match[str], context: dg.ResolutionContext, key: str) -> Any:
    if (name := template["variable"]) is not None and name not in context.scope:
        raise SpecError(
            f"{key}: there is no template variable {shown(name)}; an environment variable is {{{{ env.{name[:80]} }}}}"
        )
    try:
        return context.resolve_value(template.group().strip())
    except Exception as error:  # such as env('NAME') where NAME is not set
        said = str(error).strip().splitlines()[-1:] or [type(error).__name__]
        raise SpecError(f"{key}: {shown(template.group())} has no value: {one_line(said[0], 250)}") from error


def _needed(value: Any, template: re.Match[str], key: str) -> Any:
    if value is None:
        raise SpecError(
            f"{key}: {template.group()} has no value: set the environment variable, or give a default as in "
            "{{ env('NAME', 'default') }}"
        )
    return value
