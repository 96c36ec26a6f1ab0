"""Calls whose failures are answered by their strategy: sync, async, decorated, or as a block.

recovery = Recovery()
rate = recovery.call(fetch, service="rates", fallback=lambda: 1.0)
rate = await recovery.acall(afetch, service="rates", fallback=lambda: 1.0)

@recovery.protect(service="payments")
async def charge(order): ...

for attempt in recovery.attempts("import"):  # async for … async with
    with attempt:
        load()
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from functools import partial, wraps
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction
from types import MappingProxyType
from typing import Any, TypedDict, TypeVar, Unpack, cast

from pipeline.recovery.breaker import Breaker
from pipeline.recovery.policy import Backoff
from pipeline.recovery.run import Run
from pipeline.recovery.strategies import DEFAULTS, Call, Context, Strategy, backing_off
from pipeline.sdk.running import Hook, Runner, World

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


class Block(TypedDict, total=False):
    """What may be said of a block of code.

    ``service`` is the one that is called: its breaker watches. ``deadline_s`` limits all attempts
    and waits together.
    """

    service: str
    deadline_s: float | None


class Options(Block, total=False):
    """What may be said of a function; replicas and fallback of a decorated one take its arguments.

    A read with replicas goes to one of them when the database is busy.
    """

    name: str
    is_read: bool
    replicas: tuple[Callable[..., Any], ...]
    fallback: Callable[..., Any] | None


class Recovery:
    """Strategies, breakers and hooks of a process; each hook gets every outcome.

    Nothing can end a plain function from outside: it asks ``breakers.time_left()`` for its client's
    timeout, and counts as failed if it took longer. A coroutine is cancelled.
    """

    def __init__(
        self,
        *,
        hooks: Iterable[Hook] = (),
        breaker: Breaker = Breaker(),  # noqa: B008  frozen
        breakers: Mapping[str, Breaker] = MappingProxyType({}),
        world: World = World(),  # noqa: B008  frozen
    ) -> None:
        self.hooks = list(hooks)
        self._runner = Runner(world, breaker, breakers, self.hooks)
        self.breakers = self._runner.breakers
        self._strategies = dict(DEFAULTS)

    def register_strategy(self, kind: type[BaseException], strategy: Strategy) -> None:
        """Answer errors of a class, or of a kind that ``classify`` names, by this strategy."""
        self._strategies[kind] = strategy

    def call(self, operation: Callable[[], T], **options: Unpack[Options]) -> T:
        """Return what a function returns, or what its strategy makes of its failure."""
        return cast("T", self._runner.drive(self._run(operation, options), Call(operation)))

    async def acall(self, operation: Callable[[], Awaitable[T]], **options: Unpack[Options]) -> T:
        """Do the same on an event loop; fallback and replicas may be plain functions."""
        return cast("T", await self._runner.adrive(self._run(operation, options), Call(operation)))

    def recover(
        self, error: Exception, operation: Callable[[], T], **options: Unpack[Options]
    ) -> T:
        """Answer an error that has happened; raises that very error if nothing helps."""
        run = self._run(operation, options)
        first = self._runner.next(run, error, Call(operation, guarded=False))
        return cast("T", self._runner.drive(run, first))

    async def arecover(
        self, error: Exception, operation: Callable[[], Awaitable[T]], **options: Unpack[Options]
    ) -> T:
        """Do the same on an event loop."""
        run = self._run(operation, options)
        first = self._runner.next(run, error, Call(operation, guarded=False))
        return cast("T", await self._runner.adrive(run, first))

    def retry_with_backoff(
        self,
        operation: Callable[[], T],
        policy: Backoff = Backoff(),  # noqa: B008  frozen
        **options: Unpack[Options],
    ) -> T:
        """Call again after any error, as often as a policy says; raises the last one."""
        return cast(
            "T", self._runner.drive(self._retry(operation, policy, options), Call(operation))
        )

    async def aretry_with_backoff(
        self,
        operation: Callable[[], Awaitable[T]],
        policy: Backoff = Backoff(),  # noqa: B008  frozen
        **options: Unpack[Options],
    ) -> T:
        """Do the same on an event loop."""
        run = self._retry(operation, policy, options)
        return cast("T", await self._runner.adrive(run, Call(operation)))

    def protect(self, **options: Unpack[Options]) -> Callable[[F], F]:
        """Return a decorator for functions and coroutine functions."""

        def decorate(function: F) -> F:
            """Return the function, protected."""
            if isgeneratorfunction(function) or isasyncgenfunction(function):
                raise TypeError(f"{function.__qualname__}: a generator fails after it was called")
            named: Options = {"name": function.__qualname__, **options}

            @wraps(function)
            def protected(*args: Any, **kwargs: Any) -> Any:
                """Call it, and what stands in for it, with these arguments."""
                bound = _bound(named, args, kwargs)
                return self.call(partial(function, *args, **kwargs), **bound)

            @wraps(function)
            async def aprotected(*args: Any, **kwargs: Any) -> Any:
                """Do the same on an event loop."""
                bound = _bound(named, args, kwargs)
                return await self.acall(partial(function, *args, **kwargs), **bound)

            return cast("F", aprotected if iscoroutinefunction(function) else protected)

        return decorate

    def attempts(self, name: str, **options: Unpack[Block]) -> "Attempts":
        """Return the attempts at a block of code."""
        context = Context(operation=_the_block, name=name, **options)
        return Attempts(self._runner, self._runner.start(context, self._strategies))

    def _run(self, operation: Callable[[], Any], options: Options) -> Run:
        """Return a run of the strategies."""
        return self._runner.start(_context(operation, options), self._strategies)

    def _retry(self, operation: Callable[[], Any], policy: Backoff, options: Options) -> Run:
        """Return a run of one policy, whatever the error."""
        run = self._runner.start(_context(operation, options), {Exception: backing_off(policy)})
        run.raises = "last"
        return run


class Attempts:
    """The attempts at a block: ``for`` and ``async for`` give one context manager each."""

    def __init__(self, runner: Runner, run: Run) -> None:
        self._runner = runner
        self._run = run

    def __iter__(self) -> Iterator[AbstractContextManager[None]]:
        return self._runner.attempts(self._run)

    def __aiter__(self) -> AsyncIterator[AbstractAsyncContextManager[None]]:
        return self._runner.aattempts(self._run)


def _the_block() -> None:
    """Stand for the code of a block, which runs itself."""


def _context(operation: Callable[[], Any], options: Options) -> Context:
    """Return a context that has a name in any case."""
    name = getattr(operation, "__qualname__", type(operation).__name__)
    named: Options = {"name": name, **options}
    return Context(operation=operation, **named)


def _bound(options: Options, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Options:
    """Return options whose functions have the arguments of the call."""
    bound = options.copy()
    if replicas := options.get("replicas"):
        bound["replicas"] = tuple(partial(replica, *args, **kwargs) for replica in replicas)
    if fallback := options.get("fallback"):
        bound["fallback"] = partial(fallback, *args, **kwargs)
    return bound
