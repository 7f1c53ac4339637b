"""Why somebody does something: in the body, or as a parameter."""

from typing import Annotated

from litestar.params import QueryParameter

from interfaces.rest.bodies import Body
from interfaces.rest.keys import LONGEST_WORDS, Words
from interfaces.rest.parameters import invalid

ReasonParameter = Annotated[
    str | None, QueryParameter(max_length=LONGEST_WORDS, description="Why; it may stand in the body instead.")
]


class Reason(Body, frozen=True, kw_only=True):
    """Why; it is shown where the effect is seen. It may come as the parameter `reason` instead."""

    reason: Words | None = None


class Retry(Reason, frozen=True, kw_only=True):
    """Why, and with `downstream` what did not run because of the task waits for it again; both may be parameters."""

    downstream: bool = False


NO_REASON, PLAIN_RETRY = Reason(), Retry()


def reason_of(body: Reason, parameter: str | None) -> str | None:
    """The one that was given. Two different ones are refused."""
    return either("reason", body.reason, parameter)


def required_reason(body: Reason, parameter: str | None) -> str:
    """The next person who wonders will read it."""
    if not (reason := reason_of(body, parameter)):
        raise invalid("reason", "say why, in the body or as this parameter")
    return reason


def either(name: str, in_body: str | None, in_query: str | None) -> str | None:
    """A value that may come in the body or as the parameter `name`, but not as two."""
    if in_body is not None and in_query is not None and in_body != in_query:
        raise invalid(name, f"it is {in_query!r} here and {in_body!r} in the body")
    return in_query if in_body is None else in_body
