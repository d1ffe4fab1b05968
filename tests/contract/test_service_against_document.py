"""The embedded service answers as openapi.yaml promises, to requests that follow it and to requests that do not."""

import pytest
import schemathesis
from hypothesis import strategies

from .known_differences import DOCUMENT_PATH, PROXY, checks_to_skip
from .stage import AnyCase, operation_id, stage

CONFIGURATION = {
    "seed": 1,
    # Nothing outside the checkout decides which cases there are: no database of earlier runs, no cache.
    "cache": {"enabled": False},
    "generation": {
        "mode": "all",
        "deterministic": True,
        "database": "none",
        "max-examples": 25,
        # Every failure says how to repeat it; the smallest one that fails is not worth minutes.
        "no-shrink": True,
        # The framework stores no text with a NUL character, and JSON schema has no word for that.
        "allow-x00": False,
    },
}

schema = schemathesis.openapi.from_path(DOCUMENT_PATH, config=schemathesis.Config.from_dict(CONFIGURATION))
schema.app = stage

# A document can only say `uri`, and generated ones have any scheme and lead anywhere. The service takes http and https,
# and hosts that are neither local nor private (service facts, section 2.2).
schemathesis.openapi.format(
    "uri",
    strategies.from_regex(r"https?://[a-z]{1,8}\.example\.org(:8[0-9]{3})?(/[a-z0-9-]{0,8}){0,2}", fullmatch=True),
)

PROXY_TYPES = {"application/json", "text/event-stream; charset=utf-8", "*/*; charset=utf-8"}


@pytest.mark.parametrize("create_works", [False, True])
@schema.parametrize()
def test_every_answer_is_one_that_the_document_promises(case: AnyCase, create_works: bool) -> None:
    headers = stage.set(case, create_works=create_works)
    response = stage.call(case, headers)
    case.validate_response(response, headers=dict(headers), excluded_checks=checks_to_skip(case, response))
    if operation_id(case) == PROXY:
        # The document says `*/*` of the glued errors because the service does, and every type is one of those.
        assert response.headers["content-type"][0] in PROXY_TYPES


# Of each operation, the answers that say most about it.
ANSWERS = {
    "list": {200, 401, 404},
    "create": {201, 400, 401, 405, 415},
    "retrieve": {200, 401, 404},
    "partial_update": {200, 400, 401, 404, 415, 500},
    "destroy": {204, 401, 404},
    "proxy_create": {200, 202, 400, 401, 403, 404, 405, 415, 502},
    "authorize_retrieve": {302, 400, 401, 404},
    "install_custom_create": {200, 201, 400, 401, 404, 415},
}


def test_the_cases_met_these_answers() -> None:
    """Else the test above could pass on nothing but refusals. It runs after it, and has nothing to say without it."""
    met: dict[str, set[int]] = {}
    for operation, status in stage.answers:
        met.setdefault(operation.removeprefix("mcp_server_installations_"), set()).add(status)
    if met.keys() != ANSWERS.keys():
        pytest.skip("needs the cases of all operations")
    assert not {(operation, status) for operation, wanted in ANSWERS.items() for status in wanted - met[operation]}
