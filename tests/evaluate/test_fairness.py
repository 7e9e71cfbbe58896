"""Order in which requests of workspaces are processed, and limit of the children used by a workspace."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from tests.evaluate.bench import Bench

from orvanta_platform.evaluate import pool
from orvanta_platform.evaluate.errors import ExpressionError
from orvanta_platform.evaluate.evaluator import Evaluator
from orvanta_platform.evaluate.pool import Children
from orvanta_platform.evaluate.process import JAVASCRIPT, Ended, Fault, Program, Reply
from orvanta_platform.evaluate.small import Scope

pytestmark = pytest.mark.asyncio(loop_scope="module")

ENDLESS = "(() => { for (;;) {} })()"


class Held:
    """Simulated child process that responds to a request when the test calls `answer`."""

    def __init__(self, program: Program) -> None:
        self.alive = True
        self.is_ready = False
        self.requests: list[tuple[str, asyncio.Future[Reply]]] = []
        HELD.append(self)

    async def start(self) -> list[str]:
        self.is_ready = True
        return []

    @property
    def is_gone(self) -> bool:
        return not self.alive

    @property
    def busy_s(self) -> float:
        return 1.0 if self.requests and self.requests[0][0].startswith("slow") else 0.0

    async def ask(self, request: bytes) -> Reply:
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self.requests.append((request.decode(), answer))
        return await answer

    def answer(self, reply: Reply | None = None) -> None:
        self.requests.pop(0)[1].set_result(reply or Reply())

    def end(self) -> None:
        """Exit like a child whose first request exceeded its time limit."""
        self.alive = self.is_ready = False
        for place, (_, answer) in enumerate(self.requests):
            answer.set_exception(Ended(blamed=place == 0, late=place == 0))
        self.requests.clear()

    def kill(self) -> None:
        self.alive = self.is_ready = False

    async def gone(self) -> None:
        return


HELD: list[Held] = []


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> Children:
    HELD.clear()
    monkeypatch.setattr(pool, "Child", Held)
    return Children(JAVASCRIPT)


async def settled() -> None:
    """Let all tasks run until they wait for a response."""
    for _ in range(20):
        await asyncio.sleep(0)


def seen() -> list[list[str]]:
    return [[text for text, _ in each.requests] for each in HELD if each.alive]


async def asking(children: Children, workspace: str, *requests: str) -> list[asyncio.Task[Reply]]:
    tasks = [asyncio.create_task(children.ask(workspace, request.encode())) for request in requests]
    await settled()
    return tasks


async def test_short_requests_of_one_workspace_share_a_child_a_few_at_a_time(children: Children) -> None:
    tasks = await asking(children, "one", *(f"{number}" for number in range(12)))
    assert seen() == [[f"{number}" for number in range(8)]]
    HELD[0].answer()
    await settled()
    assert seen() == [[f"{number}" for number in range(1, 9)]]
    for _ in range(11):
        HELD[0].answer()
        await settled()
    assert all(task.done() for task in tasks) and len(HELD) == 1


async def test_workspaces_are_served_in_turn(children: Children, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_MAX_CHILDREN", 2)  # of which a workspace may occupy one
    await asking(children, "a", *(f"a{number}" for number in range(10)))
    await asking(children, "b", "b0", "b1", "b2")
    await asking(children, "c", "c0")
    order = []
    while requests := HELD[0].requests:
        order.append(requests[0][0])
        HELD[0].answer()
        await settled()
    assert order == [*(f"a{number}" for number in range(8)), "a8", "b0", "c0", "a9", "b1", "b2"]


async def test_one_workspace_cannot_occupy_all_children(children: Children) -> None:
    await asking(children, "a", *(f"slow{number}" for number in range(20)))
    children._check_again()
    await settled()
    assert [len(each) for each in seen()] == [8, 8]
    await asking(children, "b", "b0")
    assert seen()[2] == ["b0"]


async def test_request_does_not_wait_for_another_workspace(children: Children) -> None:
    await asking(children, "a", "slow0")
    (other,) = await asking(children, "b", "b0")
    assert seen() == [["slow0"], ["b0"]]
    HELD[0].end()
    HELD[1].answer()
    assert await other == Reply()


@pytest.mark.parametrize("ends", [Held.end, lambda child: child.answer(Reply(error=Fault("x", ""), limit=True))])
async def test_after_a_limit_a_workspace_has_one_child(children: Children, ends: Callable[[Held], None]) -> None:
    tasks = await asking(children, "a", "slow0")
    ends(HELD[0])
    await settled()
    HELD[0].kill()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asking(children, "a", *(f"slow{number}" for number in range(1, 20)))
    assert len(seen()) == 1
    await asking(children, "b", "slow", "slow")
    assert [each[0] for each in seen()][1:] == ["slow"]


async def test_cancelled_request_takes_no_place(children: Children) -> None:
    tasks = await asking(children, "a", *(f"{number}" for number in range(10)))
    for task in tasks[8:]:
        task.cancel()
    await settled()
    for _ in range(8):
        HELD[0].answer()
        await settled()
    assert children._waiting == {} and seen() == [[]]


async def test_request_that_is_cancelled_when_a_child_becomes_free_takes_no_place(children: Children) -> None:
    tasks = await asking(children, "a", *(f"{number}" for number in range(10)))
    HELD[0].answer()
    tasks[8].cancel()  # its task runs after the one that is answered, which passes on its place
    await settled()
    assert await tasks[0] == Reply()
    assert seen() == [["1", "2", "3", "4", "5", "6", "7", "9"]]


async def test_request_that_is_cancelled_while_it_is_sent_ends_its_child() -> None:
    evaluator = Evaluator()
    one, other = Bench(evaluator.of("a")), Bench(evaluator.of("b"))
    assert await one.value("eval('1')") == "1"
    (seat,) = evaluator._javascript._children._seats
    large: Scope = {"results": {"large": b'"%s"' % (b"x" * (1 << 20))}}
    sending = asyncio.create_task(one.value("eval('results.large.length')", large))
    while not seat.child._sending.locked():
        await asyncio.sleep(0)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert not seat.child.alive, "it would wait for the rest, and read the next request as such"
    assert await other.value("eval('2')") == "2"
    await evaluator.close()


async def test_others_are_answered_while_one_workspace_runs_endless_expressions() -> None:
    evaluator = Evaluator()
    hostile, other = Bench(evaluator.of("a")), Bench(evaluator.of("b"))
    ended: list[str] = []

    async def attack() -> None:
        with pytest.raises(ExpressionError):
            await hostile.answer(ENDLESS)
        ended.append(ENDLESS)

    attacks = [asyncio.create_task(attack()) for _ in range(12)]
    await asyncio.sleep(0)
    for number in range(3):
        assert await other.value(f"{number} * 2") == str(2 * number)
    assert len(ended) <= 2
    for task in attacks:
        task.cancel()
    await asyncio.gather(*attacks, return_exceptions=True)
    await evaluator.close()
