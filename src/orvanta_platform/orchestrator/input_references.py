"""Names of the inputs of a node that may refer to variables and resources, by where their values come from."""

from __future__ import annotations

from orvanta_platform.engine.scope import is_preprocessed
from orvanta_platform.evaluate.transforms import Provenance
from orvanta_platform.orchestrator.scope import View

_NONE: frozenset[str] = frozenset()


def of_arguments(view: View) -> frozenset[str]:
    """The arguments of the run that may hold references at this place of the document.

    Excludes the output of a preprocessor, and the iteration of a loop, which hides an argument `iter`.
    """
    top = view.top
    if not top.state.references or is_preprocessed(top.plan, top.state):
        return _NONE
    found = frozenset(top.state.references)
    return found if view.iteration is None else found - {"iter"}


def of_inputs(provenance: Provenance, view: View) -> frozenset[str]:
    """The inputs of a node that may hold references."""
    if not provenance.arguments:
        return provenance.literals
    handed_on = of_arguments(view)
    return provenance.literals | {name for name, argument in provenance.arguments.items() if argument in handed_on}
