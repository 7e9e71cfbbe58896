"""Names of the inputs of a node that may refer to variables and resources, determined by the origin of their values."""

from __future__ import annotations

from orvanta_platform.engine.scope import is_preprocessed
from orvanta_platform.evaluate.transforms import Provenance
from orvanta_platform.orchestrator.view import View

_NONE: frozenset[str] = frozenset()


def of_arguments(view: View) -> frozenset[str]:
    """Return the arguments of the run that may hold references at this place of the document.

    The output of a preprocessor is excluded, as is the argument `iter` inside a loop, which its iteration hides.
    """
    top = view.top
    if not top.state.references or is_preprocessed(top.plan, top.state):
        return _NONE
    found = frozenset(top.state.references)
    return found if view.iteration is None else found - {"iter"}


def of_inputs(provenance: Provenance, view: View) -> frozenset[str]:
    """Return the inputs of a node that may hold references."""
    if not provenance.arguments:
        return provenance.literals
    handed_on = of_arguments(view)
    return provenance.literals | {name for name, argument in provenance.arguments.items() if argument in handed_on}
