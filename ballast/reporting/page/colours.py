"""The colours of the kinds of stage in a page of two themes."""

from __future__ import annotations

from ballast.stages import STAGES


def colour_of(stage: str) -> str:
    """Gives the CSS colour of a kind of stage; grey of one that is not known."""
    return f"var(--stage-{stage})" if stage in STAGES else "var(--grey)"


def stage_colours() -> str:
    """Gives the CSS that says what each ``--stage-...`` is, on light and on dark paper."""
    light, dark = (
        "".join(f"--stage-{stage.name}:{stage.colour[theme]};" for stage in STAGES.values()) for theme in (0, 1)
    )
    return f":root{{{light}}}@media(prefers-color-scheme:dark){{:root{{{dark}}}}}"
