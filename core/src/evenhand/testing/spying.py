"""Watch a plugin's hooks: which are called, and whether they hold up the event loop."""

from __future__ import annotations

import inspect
import sys
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from functools import partial, wraps
from typing import Any, SupportsIndex

MOST_SECONDS = 0.25
"""Processor time that a hook may take between two awaits; the whole process waits for it."""

_BLOCKING = frozenset({"subprocess.Popen", "os.system", "urllib.Request", "http.client.connect", "socket.getaddrinfo"})


@dataclass
class Watch:
    """What was seen.

    Attributes:
        calls: names of hooks in the order of their calls.
        offences: calls that blocked, in words.
    """

    calls: list[str] = field(default_factory=list)
    offences: list[str] = field(default_factory=list)


_listening: dict[int, tuple[str, Watch]] = {}
"""The hook that runs in a thread just now, by the thread's number."""


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if not _listening or (event not in _BLOCKING and event != "socket.connect"):
        return
    running = _listening.get(threading.get_ident())
    if running is None:
        return
    # An event loop connects sockets too, but without waiting.
    if event == "socket.connect" and arguments[0].gettimeout() == 0:
        return
    hook, watch = running
    watch.offences.append(f"{hook} calls {event}: use an async library or asyncio.to_thread")


_real_sleep = time.sleep


def _sleep(seconds: float | SupportsIndex) -> None:
    running = _listening.get(threading.get_ident())
    if running is not None:
        hook, watch = running
        watch.offences.append(f"{hook} calls time.sleep: use asyncio.sleep")
    _real_sleep(seconds)


def _install() -> None:
    """Listen from now on. Audit events cannot be left again, so it is done once; sleeping is not always one of them."""
    if time.sleep is not _sleep:
        sys.addaudithook(_audit)
        time.sleep = _sleep


class _Steps:
    """An awaitable whose every step is measured."""

    def __init__(self, hook: str, watch: Watch, inner: Any) -> None:
        self._hook, self._watch, self._inner = hook, watch, inner

    def __await__(self) -> Generator[Any, Any, Any]:
        steps = self._inner.__await__()
        step: Callable[[], Any] = partial(next, steps)
        while True:
            try:
                waits_for = _measured(self._hook, self._watch, step)
            except StopIteration as end:
                return end.value
            try:
                sent = yield waits_for
            except BaseException as error:
                step = partial(steps.throw, error)
            else:
                step = partial(next, steps) if sent is None else partial(steps.send, sent)


def _measured(hook: str, watch: Watch, step: Callable[[], Any]) -> Any:
    thread = threading.get_ident()
    before = _listening.get(thread)
    _listening[thread] = (hook, watch)
    started = time.thread_time()
    try:
        return step()
    finally:
        taken = time.thread_time() - started
        if before is None:
            del _listening[thread]
        else:
            _listening[thread] = before
        if taken > MOST_SECONDS:
            watch.offences.append(f"{hook} computes for {taken:.2f} s without an await: use asyncio.to_thread")


class Spied:
    """Stands for an object with hooks, calls them and notes it in `watch`."""

    def __init__(self, hooks: object) -> None:
        _install()
        self.watch = Watch()
        for name in dir(hooks):
            function = getattr(hooks, name)
            if getattr(function, "evenhand_impl", None) is not None:
                setattr(self, name, self._spied(name, function))

    def _spied(self, name: str, function: Any) -> Any:
        @wraps(function)
        def call(*positional: Any, **named: Any) -> Any:
            self.watch.calls.append(name)
            result = _measured(name, self.watch, lambda: function(*positional, **named))
            return _awaited(name, self.watch, result) if inspect.isawaitable(result) else result

        return call


async def _awaited(name: str, watch: Watch, inner: Any) -> Any:
    return await _Steps(name, watch, inner)
