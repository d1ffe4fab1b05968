"""A limit on simultaneous requests that is shared fairly among the owners of API keys."""

import asyncio
from collections import OrderedDict
from collections.abc import Hashable


class FairSemaphore:
    """Like `asyncio.Semaphore`, but a released slot goes to the owners in turn, and to the tasks of each in order.

    A slot is handed over directly, so a task that comes later never takes it first.
    """

    def __init__(self, width: int) -> None:
        self._free = width
        """Slots that nobody has. While there are any, nobody waits."""
        self._queues: OrderedDict[Hashable, OrderedDict[asyncio.Future[None], None]] = OrderedDict()
        """The waiting tasks of each owner, beginning with the owner whose turn is next."""

    async def acquire(self, owner: Hashable) -> None:
        """Take a slot, or wait for one."""
        if self._free:
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._queues.setdefault(owner, OrderedDict())[turn] = None
        try:
            await turn
        except BaseException:
            if turn.done() and not turn.cancelled():
                # The slot was handed over just before the task was cancelled.
                self.release()
            else:
                self._leave(owner, turn)
            raise

    def release(self) -> None:
        """Hand a slot to the next task that waits for one."""
        while self._queues:
            owner, queue = next(iter(self._queues.items()))
            turn, _ = queue.popitem(last=False)
            # A task that was cancelled leaves its queue when it runs next.
            is_waiting = not turn.done()
            if not queue:
                del self._queues[owner]
            elif is_waiting:
                self._queues.move_to_end(owner)
            if is_waiting:
                turn.set_result(None)
                return
        self._free += 1

    def _leave(self, owner: Hashable, turn: "asyncio.Future[None]") -> None:
        queue = self._queues.get(owner)
        if queue is not None and turn in queue:
            del queue[turn]
            if not queue:
                del self._queues[owner]
