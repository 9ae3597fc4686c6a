"""Going through suggestions one by one, until a person has said what they know."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gm_assets.authoring.values import Decision, Statement, Suggestion


def stated(one: Suggestion, decision: Decision) -> Statement:
    """A suggestion as a person's statement, bound to the contents that it was made for."""
    return Statement(
        line=0,
        path=one.path,
        decision=decision,
        placement=one.placement,
        parent=one.parent,
        role=one.role or "source",
        content_id=one.content_id,
        parent_content_id=one.parent_content_id,
    )


def ask(
    suggestions: Sequence[Suggestion], answer: Callable[[int, Suggestion], str]
) -> list[Statement]:
    """Ask for each suggestion and collect what was decided.

    Args:
        answer: shows the suggestion with its number from 1 and gives `y` (accept), `n`
            (reject), `a` (accept it and all further places in its chain), `q` (stop), or
            anything else to skip it.
    """
    found: list[Statement] = []
    chains: set[str] = set()
    for number, one in enumerate(suggestions, start=1):
        chain = None if one.placement is None else one.placement.chain
        if chain in chains:
            found.append(stated(one, "accept"))
            continue
        said = answer(number, one).strip().casefold()[:1]
        if said == "q":
            break
        if said == "a" and chain is not None:
            chains.add(chain)
        if said in ("y", "a"):
            found.append(stated(one, "accept"))
        elif said == "n":
            found.append(stated(one, "reject"))
    return found
