"""Redis around a failover: a server whose replies a test sets, and an address that moves."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

HOST = "127.0.0.1"
HELLO = b"%1\r\n$5\r\nproto\r\n:3\r\n"
OK = b"+OK\r\n"
NOTHING_COUNTED = b"*0\r\n"
COUNTED = b":1\r\n"

Command = list[bytes]
Answer = Callable[[int, Command], bytes | None]
"""From the number of the connection, counted from 1, and a command to the bytes of the reply; None hangs up."""


class FakeRedis:
    """Records commands and sends replies. Its windows have room, unless `answer` says otherwise."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.connections = 0
        self.commands: list[Command] = []
        self.url = ""

    @property
    def counted(self) -> int:
        """The number of commands that count a call."""
        return sum(map(counts, self.commands))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        number = self.connections
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                command = await read_command(reader)
                self.commands.append(command)
                said = self._answer(number, command)
                if said is None:
                    break
                writer.write(said)
                await writer.drain()
        writer.close()


async def read_command(reader: asyncio.StreamReader) -> Command:
    """An array of bulk strings, as all commands are."""
    parts = []
    for _ in range(int((await reader.readuntil(b"\r\n"))[1:])):
        length = int((await reader.readuntil(b"\r\n"))[1:])
        parts.append((await reader.readexactly(length + 2))[:-2])
    return parts


def looks(command: Command) -> bool:
    """Whether it asks how full a window is: a script with the key, the beginning and the length."""
    return command[0] == b"EVALSHA" and len(command) == 6


def counts(command: Command) -> bool:
    """Whether it asks to count a call in a window: a script with the key, the time and three numbers."""
    return command[0] == b"EVALSHA" and len(command) == 8


def usual(command: Command) -> bytes:
    """The reply of a Redis whose windows have room."""
    if counts(command):
        return COUNTED
    return HELLO if command[0] == b"HELLO" else NOTHING_COUNTED if looks(command) else OK


@asynccontextmanager
async def fake_redis(answer: Answer) -> AsyncIterator[FakeRedis]:
    fake = FakeRedis(answer)
    server = await asyncio.start_server(fake.serve, HOST, 0)
    async with server:
        fake.url = f"redis://{HOST}:{server.sockets[0].getsockname()[1]}"
        yield fake


class Address:
    """A name that leads to a server, and to another one after a failover; connections that are open stay."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection(HOST, self.port)
        async with asyncio.TaskGroup() as both:
            both.create_task(pump(reader, to_server))
            both.create_task(pump(from_server, writer))


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while chunk := await reader.read(65536):
            writer.write(chunk)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def address(port: int) -> AsyncIterator[Address]:
    moving = Address(port)
    server = await asyncio.start_server(moving.serve, HOST, 0)
    async with server:
        moving.url = f"redis://{HOST}:{server.sockets[0].getsockname()[1]}"
        yield moving
