"""What belongs to the owner of an API key, as opposed to the host: cool-downs and the budget of a rate limiter.

Keys are told apart by a digest. A callable is one owner, whatever keys it returns.
"""

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Hashable
from typing import NoReturn
from weakref import WeakKeyDictionary, ref

from .._core.call import RateLimitScope
from .._core.secret import Secret, never_pickled
from .._ratelimit.protocol import RateLimiter
from .cooldown import Cooldown, Pause

KeySource = Callable[[], object]

FINGERPRINTED = b"posthog-mcp-store"


class Owner:
    """What the calls with one API key share, whichever view of the store makes them."""

    __slots__ = ("__weakref__", "_cooldowns", "_identity", "_limiter", "_owners")

    def __init__(self, api_key: Secret | KeySource, owners: "Owners") -> None:
        self._identity = fingerprint(api_key) if isinstance(api_key, Secret) else _hashable(api_key)
        self._owners = owners
        self._cooldowns: dict[RateLimitScope, Cooldown] = {}
        self._limiter: RateLimiter | None = None

    def cooldown(self, scope: RateLimitScope) -> Cooldown:
        if scope not in self._cooldowns:
            self._cooldowns[scope] = Cooldown(self._owners.pause)
        return self._cooldowns[scope]

    @property
    def cooldown_left(self) -> float:
        """Seconds until the last of the cool-downs is over."""
        return max(cooldown.left for cooldown in self._cooldowns.values())

    def keep_while_cooling(self) -> None:
        """Exist until the cool-down is over, even without a view: the next view with the key has to wait, too."""
        self._owners.keep_while_cooling(self)

    def review(self) -> None:
        """Exist no longer than that."""
        self._owners.review(self)

    async def limiter(self, current_key: Callable[[], Awaitable[Secret]]) -> RateLimiter | None:
        """The store's rate limiter, or the part of it that counts the calls of this owner. Raises what the key does."""
        shared = self._owners.rate_limiter
        for_owner = getattr(shared, "for_owner", None)
        if for_owner is None:
            return shared
        if self._limiter is None:
            # A callable is named by its first key, which is the same in other processes, unless it has just changed.
            name = fingerprint(await current_key())
            if self._limiter is None:
                self._limiter = for_owner(name)
        return self._limiter

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Owner) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    def __reduce__(self) -> NoReturn:
        raise never_pickled()


class Owners:
    """The owners of the keys of a store and its views: those that a view belongs to, or that have to wait."""

    def __init__(self, pause: Pause, rate_limiter: RateLimiter | None) -> None:
        self.pause = pause
        self.rate_limiter = rate_limiter
        # Keyed by the owners, not by their keys: a callable may hold a view, and would keep its owner alive.
        self._known: WeakKeyDictionary[Owner, ref[Owner]] = WeakKeyDictionary()
        self._cooling: set[Owner] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    def of(self, api_key: Secret | KeySource) -> Owner:
        """The owner of a key: the same object for as long as it is in use."""
        new = Owner(api_key, self)
        return self._known.setdefault(new, ref(new))() or new

    def keep_while_cooling(self, owner: Owner) -> None:
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            # The timers of an event loop end with it.
            self._loop = loop
            for each in self._cooling:
                _watch(loop, each)
        if owner not in self._cooling:
            self._cooling.add(owner)
            _watch(loop, owner)

    def review(self, owner: Owner) -> None:
        """Let go of an owner whose cool-down is over."""
        if owner.cooldown_left > 0:
            _watch(asyncio.get_running_loop(), owner)
        else:
            self._cooling.discard(owner)


def fingerprint(api_key: Secret) -> str:
    """A name for the owner of a key. It is the same in every process, and reveals nothing of the key."""
    return hmac.digest(api_key.reveal().encode(), FINGERPRINTED, "sha256")[:16].hex()


class _Same:
    """Equal only for the same object."""

    __slots__ = ("_value",)

    def __init__(self, value: object) -> None:
        self._value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self._value is other._value

    def __hash__(self) -> int:
        return id(self._value)


def _hashable(source: KeySource) -> Hashable:
    try:
        hash(source)
    except TypeError:
        return _Same(source)
    return source


def _watch(loop: asyncio.AbstractEventLoop, owner: Owner) -> None:
    # A weak reference, so that a store that is dropped without being closed does not live on for its timers.
    loop.call_later(owner.cooldown_left, _review, ref(owner))


def _review(reference: "ref[Owner]") -> None:
    owner = reference()
    if owner is not None:
        owner.review()
