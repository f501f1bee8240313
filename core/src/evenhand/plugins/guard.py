"""Run a plugin's code so that whatever it does stays its own: errors, exits, hangs, broken transactions."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import asyncpg

from evenhand.db.session import driver_transaction, in_open_transaction
from evenhand.plugins.checks import describe

_AGAIN = 0.5
"""Seconds after which somebody who took no notice of being cancelled is cancelled again."""


class PluginTookTooLong(Exception):
    """A plugin did not answer in time and was stopped."""


class BadAnswer(Exception):
    """A plugin answered with something else than its hook declares."""


class PluginGaveUp(Exception):
    """A plugin tried to end the program, cancelled itself, or hid that the database refused a statement."""


@dataclass(frozen=True)
class Limits:
    """How much patience the host has, in seconds.

    Attributes:
        inside: for one plugin inside a transaction, where others may wait for its locks.
        outside: for one plugin outside of any.
        blocking: how long a plain hook may keep everybody waiting before it is counted as slow.
        failures: so many failures of a plugin in one tenant…
        window: … within so many seconds suspend it there.
    """

    inside: float = 10.0
    outside: float = 30.0
    blocking: float = 0.1
    failures: int = 10
    window: float = 600.0


async def within(awaitable: Awaitable[Any], seconds: float) -> Any:
    """Wait for it, but not longer; a real cancellation of this task passes through.

    Unlike `asyncio.timeout` it insists: who catches the cancellation and goes on is cancelled again.

    Raises:
        PluginTookTooLong; PluginGaveUp: it was cancelled, and not by us; whatever it raises itself.
    """
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("this needs a task")
    loop = asyncio.get_running_loop()
    before, times = task.cancelling(), 0
    handle: asyncio.TimerHandle

    def stop() -> None:
        nonlocal times, handle
        times += 1
        task.cancel()
        handle = loop.call_later(_AGAIN, stop)

    handle = loop.call_later(seconds, stop)
    cancelled: asyncio.CancelledError | None = None
    value: Any = None
    try:
        value = await awaitable
    except asyncio.CancelledError as error:
        cancelled = error
    finally:
        handle.cancel()
        for _ in range(times):
            task.uncancel()
        if task.cancelling() > before:
            raise cancelled or asyncio.CancelledError
    if times:
        raise PluginTookTooLong(f"no answer within {seconds:g} seconds") from cancelled
    if cancelled is not None:
        raise PluginGaveUp("it cancelled itself") from cancelled
    return value


@dataclass(slots=True)
class Ran:
    """What came of a call: a value or an error, how long it took, and how long it kept the loop from turning."""

    value: Any = None
    error: Exception | None = None
    elapsed: float = 0.0
    blocked: float = 0.0


def call_guarded(function: Callable[..., Any], arguments: Mapping[str, Any], limits: Limits) -> Ran:
    """Call a plugin's function, `async` or plain. A plain one cannot reach the database and needs no savepoint.

    Returns: how it went. A value that can be awaited is for `wait_guarded`.
    """
    ran = Ran()
    started = time.perf_counter()
    try:
        ran.value = function(**arguments)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        # A plain call cannot be cancelled or closed from outside: whatever comes out of it is the plugin's.
        ran.error = _harmless(error)
    ran.elapsed = ran.blocked = time.perf_counter() - started
    if ran.error is None and ran.elapsed > limits.blocking and ran.elapsed > _patience(limits):
        ran.value, ran.error = None, PluginTookTooLong(f"it kept everybody waiting for {ran.elapsed:.1f} seconds")
    return ran


async def wait_guarded(awaitable: Awaitable[Any], limits: Limits, ran: Ran) -> None:
    """Wait for what a plugin's function answered; inside a transaction in a savepoint, which is undone when it fails.

    Args:
        ran: gets the value or the error, and the time.

    Only a real cancellation, KeyboardInterrupt, and the database's failure to keep the transaction are raised.
    """
    ran.value = None
    patience = _patience(limits)
    if not in_open_transaction():
        await _settle(awaitable, patience, ran)
        return
    client = driver_transaction()
    async with client.acquire_connection() as connection:
        try:
            await connection.execute("SAVEPOINT evenhand_plugin")
        except BaseException:
            getattr(awaitable, "close", bool)()
            raise
    await _settle(awaitable, patience, ran)
    async with client.acquire_connection() as connection:
        await _leave(connection, ran)


def _patience(limits: Limits) -> float:
    return limits.inside if in_open_transaction() else limits.outside


def _harmless(error: BaseException) -> Exception:
    """An error that whoever handles errors can handle: nobody expects SystemExit."""
    if isinstance(error, Exception):
        return error
    harmless = PluginGaveUp(describe(error))
    harmless.__cause__ = error
    return harmless


async def _settle(awaitable: Awaitable[Any], seconds: float, ran: Ran) -> None:
    started = time.perf_counter()
    try:
        ran.value = await within(awaitable, seconds)
    except (KeyboardInterrupt, asyncio.CancelledError):
        raise
    except GeneratorExit as error:
        if error.__traceback__ is None or error.__traceback__.tb_next is None:
            # It comes from no frame of the plugin's: this coroutine itself is being closed.
            raise
        ran.error = _harmless(error)
    except BaseException as error:
        ran.error = _harmless(error)
    ran.elapsed += time.perf_counter() - started


async def _leave(connection: asyncpg.Connection, ran: Ran) -> None:
    """End the savepoint: keep what the plugin wrote, or undo it."""
    if ran.error is None:
        try:
            await connection.execute("RELEASE SAVEPOINT evenhand_plugin")
        except asyncpg.InFailedSQLTransactionError as error:
            ran.value, ran.error = None, PluginGaveUp("it went on after the database refused a statement")
            ran.error.__cause__ = error
        else:
            return
    await connection.execute("ROLLBACK TO SAVEPOINT evenhand_plugin")
    await connection.execute("RELEASE SAVEPOINT evenhand_plugin")
