"""Failures of Redis: how often to retry, and which error to raise. Pure decisions."""

import re

from redis.exceptions import (
    AskError,
    AuthenticationError,
    ClusterDownError,
    InvalidResponse,
    MasterDownError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from .._core.errors import MCPStoreError
from .._core.secret import Secret
from .._core.text import single_line

# Up to Redis 6, an error in a script is an `ERR` with the real code in its text. redis-py has no class for NOREPLICAS.
NOT_THE_PRIMARY = re.compile(r"\b(READONLY|MASTERDOWN|NOREPLICAS) ")
# Redis quotes the arguments of unknown commands, and those of HELLO and AUTH contain the password.
QUOTED_ARGUMENTS = re.compile(r"(with args beginning with:).*", re.DOTALL)


def further_tries(error: Exception) -> int:
    """How often to retry, each time over a new connection.

    After a failover, the address may lead to another server, but open connections stay with the demoted one. If Redis
    replied with an error, nothing was counted; without a reply, the call may have been counted.
    """
    if _is_not_the_primary(error) or isinstance(error, AskError | AuthenticationError | ClusterDownError):
        return 1
    return 2 if isinstance(error, RedisConnectionError | RedisTimeoutError) else 0


def failure(error: Exception, password: Secret) -> MCPStoreError:
    """The error to raise, with `error` as its cause unless that quotes the handshake and with it the password."""
    text = f"{type(error).__name__}: {error}"
    safe = password.redact(QUOTED_ARGUMENTS.sub(r"\1 ***", text))
    advice = _advice(error)
    translated = MCPStoreError(f"the call was not sent: the rate limiter's Redis failed ({single_line(safe)}){advice}")
    translated.__cause__ = error if safe == text else None
    return translated


def _advice(error: Exception) -> str:
    if _is_not_the_primary(error):
        return ": url has to lead to the primary, not to a replica"
    if isinstance(error, AskError | ClusterDownError):
        return ": url has to lead to a single Redis, not to a node of a cluster"
    if isinstance(error, AuthenticationError):
        return ": check the user and the password in url"
    # On replies that are not Redis's, redis-py raises various errors: ValueError, TypeError, RecursionError.
    is_foreign = isinstance(error, InvalidResponse) or not isinstance(error, RedisError)
    return ": the server at url does not respond as Redis does" if is_foreign else ""


def _is_not_the_primary(error: Exception) -> bool:
    is_coded = isinstance(error, ResponseError) and NOT_THE_PRIMARY.search(str(error)) is not None
    return is_coded or isinstance(error, ReadOnlyError | MasterDownError)
