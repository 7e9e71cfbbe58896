"""A Restate service: a handler of light Python steps, each one `ctx.run`. Runs in the peer's environment.

Argument: the port. Prints `ready` once it listens.
"""

import asyncio
import sys
from datetime import timedelta

import hypercorn
import hypercorn.asyncio
import restate

chain = restate.Service("chain", inactivity_timeout=timedelta(minutes=10))


def fib(n: int) -> int:
    return n if n < 2 else fib(n - 1) + fib(n - 2)


async def step(n: int) -> int:
    return fib(n)


@chain.handler()
async def run(ctx: restate.Context, steps: int) -> int:
    total = 0
    for place in range(steps):
        total += await ctx.run_typed(f"s{place}", step, n=10)
    return total


async def main() -> None:
    config = hypercorn.Config()
    config.bind = [f"127.0.0.1:{sys.argv[1]}"]
    config.h2_max_concurrent_streams = 2147483647
    config.keep_alive_max_requests = 2147483647
    config.errorlog = None
    serving = asyncio.ensure_future(hypercorn.asyncio.serve(restate.app(services=[chain]), config))
    await asyncio.sleep(0)
    print("ready", flush=True)
    await serving


asyncio.run(main())
