"""What plugins may do wrong while they are asked, and that nobody else notices."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

import asyncpg
import pytest

from evenhand.actions.plugins import disable_plugin, set_plugin
from evenhand.db.session import driver_transaction, raw_connection, reading, transaction
from evenhand.entities import Lead
from evenhand.errors import InvalidInput, Problem
from evenhand.plugins.contract import TenantContext
from evenhand.plugins.guard import BadAnswer, Limits, PluginGaveUp, PluginTookTooLong
from evenhand.plugins.hooks import GROUPS, Policy, Result, hookimpl, spec
from evenhand.plugins.host import Outcome, PluginFailed, PluginHost, PluginSuspended, tenant_context, use_host
from evenhand.plugins.manifest import PluginManifest
from evenhand.plugins.models import PluginState, TenantPlugin
from evenhand.tenancy.context import acting_as
from evenhand.testing import SomeTenant

PATIENCE = 0.3


class Specs:
    """One hook of every policy."""

    @spec(result=Result.COLLECT, policy=Policy.SKIP)
    async def offers(self, ctx: TenantContext, number: int) -> Sequence[str]:
        """Offer words. Returns: words."""
        raise NotImplementedError

    @spec(result=Result.COLLECT, policy=Policy.ABORT)
    async def checks(self, ctx: TenantContext) -> Sequence[str]:
        """Check. Returns: words."""
        raise NotImplementedError

    @spec(result=Result.FIRST, policy=Policy.ABORT)
    async def picks(self, ctx: TenantContext) -> str | None:
        """Pick one. Returns: a word."""
        raise NotImplementedError

    @spec(result=Result.COLLECT, policy=Policy.DENY)
    async def allows(self, ctx: TenantContext) -> bool:
        """Allow. Returns: whether."""
        raise NotImplementedError

    @spec(result=Result.COLLECT, policy=Policy.QUARANTINE)
    async def tidies(self, ctx: TenantContext) -> None:
        """Tidy up. Returns: nothing."""
        raise NotImplementedError


def host_of(limits: Limits | None = None, **plugins: object) -> PluginHost:
    made = PluginHost([], limits=limits or Limits(inside=PATIENCE, outside=PATIENCE), groups=(*GROUPS, Specs))
    for slug, hooks in plugins.items():
        made.load(PluginManifest(slug=slug, title={"en": slug}, api="", hooks="nowhere:nothing"), hooks)
    assert made.failures == {}
    return made


def offering(behave: Callable[[], Any]) -> object:
    """A plugin whose hook does this; an awaitable is awaited."""

    class Plugin:
        @hookimpl
        async def offers(self) -> Any:
            found = behave()
            return await found if isinstance(found, Awaitable) else found

    return Plugin()


class Fine:
    """Answers as it should."""

    @hookimpl
    def offers(self, number: int) -> list[str]:
        return ["fine"] * number

    @hookimpl
    def checks(self) -> list[str]:
        return ["fine"]

    @hookimpl
    def picks(self) -> str:
        return "fine"


@contextlib.contextmanager
def asked(tenant: SomeTenant, host: PluginHost) -> Iterator[PluginHost]:
    with use_host(host), acting_as(tenant.system):
        yield host


async def enable(host: PluginHost) -> TenantContext:
    """Enable all plugins of the host in its order."""
    for position, slug in enumerate(host.manifests):
        await set_plugin(slug, enabled=True, position=position)
    return await tenant_context()


def stop(kind: type[BaseException]) -> Callable[[], Any]:
    def behave() -> Any:
        raise kind("enough")

    return behave


def recurse() -> Any:
    return recurse()


class Unspeakable(Exception):
    """Cannot even be shown."""

    def __str__(self) -> str:
        raise SystemExit("no words")


class Treacherous(list[str]):
    """A list that fails when it is read."""

    def __iter__(self) -> Any:
        raise SystemExit("unreadable")


@pytest.mark.parametrize(
    ("behave", "kind"),
    [
        (stop(ValueError), ValueError),
        (stop(SystemExit), PluginGaveUp),
        (stop(GeneratorExit), PluginGaveUp),
        (stop(StopIteration), RuntimeError),
        (stop(MemoryError), MemoryError),
        (stop(Unspeakable), Unspeakable),
        (stop(asyncio.CancelledError), PluginGaveUp),
        (recurse, RecursionError),
        (lambda: asyncio.sleep(60), PluginTookTooLong),
        (lambda: "words", BadAnswer),
        (lambda: [1], BadAnswer),
        (lambda: None, BadAnswer),
        (lambda: {"a": 1}, BadAnswer),
        (lambda: (word for word in ["a"]), BadAnswer),
        (lambda: Treacherous(["a"]), BadAnswer),
    ],
)
@pytest.mark.parametrize("inside", [False, True])
async def test_whatever_a_plugin_does_the_others_answer(
    tenant: SomeTenant, behave: Callable[[], Any], kind: type[BaseException], inside: bool
) -> None:
    lead = await tenant.create("Lead", name="Li")
    with asked(tenant, host_of(bad=offering(behave), fine=Fine())) as host:
        ctx = await enable(host)
        async with transaction() if inside else contextlib.nullcontext():
            if inside:
                await Lead.filter(id=lead).update(name="kept")
            bad, fine = await host.ask("offers", ctx, number=2)
        assert type(bad.error) is kind
        assert (bad.value, bad.denied, fine[:3]) == (None, False, ("fine", ["fine", "fine"], None))
        async with reading():
            assert (await Lead.get(id=lead)).name == ("kept" if inside else "Li")


async def test_plain_hooks_are_guarded_alike(tenant: SomeTenant) -> None:
    class Plain:
        @hookimpl
        def offers(self, number: int) -> list[str]:
            raise (SystemExit, asyncio.CancelledError, GeneratorExit)[number]

    with asked(tenant, host_of(plain=Plain())) as host:
        ctx = await enable(host)
        for number, kind in enumerate((SystemExit, asyncio.CancelledError, GeneratorExit)):
            (outcome,) = await host.ask("offers", ctx, number=number)
            assert isinstance(outcome.error, PluginGaveUp)
            assert type(outcome.error.__cause__) is kind


async def test_keyboard_interrupt_and_cancellation_pass_through(tenant: SomeTenant) -> None:
    started = asyncio.Event()

    async def wait() -> None:
        started.set()
        await asyncio.sleep(60)

    class Interrupting:
        @hookimpl
        def offers(self) -> None:
            raise KeyboardInterrupt

    with asked(tenant, host_of(Limits(), interrupting=Interrupting())) as host:
        ctx = await enable(host)
        with pytest.raises(KeyboardInterrupt):
            await host.ask("offers", ctx, number=1)
        await disable_plugin("interrupting")
    with asked(tenant, host_of(Limits(), waiting=offering(wait))) as host:
        ctx = await enable(host)
        for inside in (False, True):
            started.clear()

            async def work(inside: bool = inside) -> None:
                async with transaction() if inside else contextlib.nullcontext():
                    await host.ask("offers", ctx, number=1)

            task = asyncio.create_task(work())
            await started.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        async with reading():
            assert (await TenantPlugin.get(slug="waiting")).failures == 0


async def test_a_task_that_is_closed_while_it_asks_is_closed(tenant: SomeTenant) -> None:
    with asked(tenant, host_of(Limits(), waiting=offering(lambda: asyncio.sleep(60)))) as host:
        ctx = await enable(host)
        await host.snapshot(ctx)
        asking = host.ask("offers", ctx, number=1)
        asking.send(None)
        asking.close()


async def test_who_takes_no_notice_of_a_cancellation_is_cancelled_again(tenant: SomeTenant) -> None:
    times = 0

    async def stubborn() -> list[str]:
        nonlocal times
        while times < 2:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                times += 1
        return ["late"]

    with asked(tenant, host_of(stubborn=offering(stubborn))) as host:
        (outcome,) = await host.ask("offers", await enable(host), number=1)
        assert isinstance(outcome.error, PluginTookTooLong)
        assert times == 2
        current = asyncio.current_task()
        assert current is not None
        assert current.cancelling() == 0


async def _bad_statement() -> list[str]:
    await raw_connection(driver_transaction()).execute("SELECT nonsense")
    return []


async def _hidden_bad_statement() -> list[str]:
    with contextlib.suppress(asyncpg.PostgresError):
        await _bad_statement()
    return ["as if nothing had happened"]


async def _hanging_statement() -> list[str]:
    await raw_connection(driver_transaction()).execute("SELECT pg_sleep(60)")
    return []


@pytest.mark.parametrize(
    ("behave", "kind"),
    [
        (_bad_statement, asyncpg.UndefinedColumnError),
        (_hidden_bad_statement, PluginGaveUp),
        (_hanging_statement, PluginTookTooLong),
    ],
)
async def test_a_bad_statement_does_not_spoil_the_transaction(
    tenant: SomeTenant, behave: Callable[[], Any], kind: type[BaseException]
) -> None:
    lead = await tenant.create("Lead", name="Li")

    async def write_and_fail() -> list[str]:
        await Lead.filter(id=lead).update(name="by the bad one")
        found: list[str] = await behave()
        return found

    async def write() -> list[str]:
        await Lead.filter(id=lead).update(company="by the good one")
        return ["written"]

    with asked(tenant, host_of(bad=offering(write_and_fail), good=offering(write))) as host:
        ctx = await enable(host)
        async with transaction():
            await Lead.filter(id=lead).update(region="by the core")
            bad, good = await host.ask("offers", ctx, number=1)
        assert type(bad.error) is kind
        assert good.value == ["written"]
        async with reading():
            found = await Lead.get(id=lead)
        assert (found.name, found.company, found.region) == ("Li", "by the good one", "by the core")


async def test_a_plain_hook_that_keeps_everybody_waiting_is_counted(tenant: SomeTenant) -> None:
    class Blocking:
        @hookimpl
        def offers(self, number: int) -> list[str]:
            time.sleep(number / 100)
            return ["late"]

    with asked(tenant, host_of(Limits(outside=0.15, blocking=0.05), blocking=Blocking())) as host:
        ctx = await enable(host)
        (quick,) = await host.ask("offers", ctx, number=0)
        (slow,) = await host.ask("offers", ctx, number=8)
        (late,) = await host.ask("offers", ctx, number=20)
    assert (quick.value, slow.value, late.value) == (["late"], ["late"], None)
    assert slow.elapsed >= 0.08
    assert isinstance(late.error, PluginTookTooLong)
    assert host.dispatcher.slow == {("blocking", "offers"): 2}


async def test_an_aborting_hook_aborts(tenant: SomeTenant) -> None:
    class Failing:
        @hookimpl
        async def checks(self) -> Any:
            raise SystemExit

    class Refusing:
        @hookimpl
        def checks(self) -> Any:
            raise InvalidInput([Problem("name", "TOO_SHORT", "name: too short.", "Use more letters.")])

    for hooks, kind in ((Failing(), PluginFailed), (Refusing(), InvalidInput)):
        with asked(tenant, host_of(bad=hooks, fine=Fine())) as host:
            ctx = await enable(host)
            with pytest.raises(kind):
                await host.ask("checks", ctx)


async def test_the_first_answer_ends_the_asking(tenant: SomeTenant) -> None:
    class Silent:
        @hookimpl
        def picks(self) -> None:
            return None

    with asked(tenant, host_of(silent=Silent(), fine=Fine(), other=Fine())) as host:
        outcomes = await host.ask("picks", await enable(host))
        assert [(one.plugin, one.value) for one in outcomes] == [("silent", None), ("fine", "fine")]


async def test_who_cannot_say_yes_denies_also_while_suspended(tenant: SomeTenant) -> None:
    class Guard:
        answer: Any = True

        @hookimpl
        async def allows(self) -> Any:
            if self.answer is None:
                raise RuntimeError("lost")
            return self.answer

    guard = Guard()
    with asked(tenant, host_of(Limits(failures=3), guard=guard, fine=Fine())) as host:
        await enable(host)

        async def ask() -> Outcome:
            (outcome,) = await host.ask("allows", await tenant_context())
            return outcome

        assert (await ask())[1:3] == (True, None)
        guard.answer = "yes"
        assert ((await ask()).denied, (await ask()).value) == (True, None)
        guard.answer = None
        assert (await ask()).denied
        guard.answer = True
        suspended = await ask()
        assert suspended.denied
        assert isinstance(suspended.error, PluginSuspended)
        await set_plugin("guard", enabled=True)
        assert (await ask()).value is True


async def test_quarantine_suspends_at_once(tenant: SomeTenant) -> None:
    class Broken:
        @hookimpl
        async def tidies(self) -> None:
            raise RuntimeError("not my day")

    with asked(tenant, host_of(broken=Broken())) as host:
        ctx = await enable(host)
        await host.ask("tidies", ctx)
        assert await host.ask("tidies", await tenant_context()) == []
        async with reading():
            row = await TenantPlugin.get(slug="broken")
        assert row.state is PluginState.SUSPENDED
        assert row.reason == "tidies: RuntimeError: not my day"
