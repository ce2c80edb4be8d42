"""Questions that gather while an answer is under way, and are asked as one."""

import asyncio

import pytest

from chat import gathering
from chat.gathering import Gathering

pytestmark = pytest.mark.gen_test


class Oracle:
    """Answers when it is told to, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self._turns: asyncio.Queue[Exception | None] = asyncio.Queue()

    async def answer(self, keys: list[str]) -> dict[str, int]:
        self.asked.append(keys)
        failure = await self._turns.get()
        if failure is not None:
            raise failure
        return {key: len(self.asked) for key in keys if key != "nothing"}

    def speak(self, failure: Exception | None = None) -> None:
        self._turns.put_nowait(failure)


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_what_gathers_is_asked_at_once() -> None:
    oracle = Oracle()
    questions = Gathering(oracle.answer)
    first = asyncio.create_task(questions.ask("a"))
    await turns()
    others = [asyncio.create_task(questions.ask(key)) for key in ("b", "nothing", "a", "b")]
    await turns()
    assert oracle.asked == [["a"]]
    oracle.speak()
    assert await first == 1
    oracle.speak()
    # Whoever asked while the first answer was under way got a younger one.
    assert [await other for other in others] == [2, None, 2, 2]
    assert oracle.asked == [["a"], ["b", "nothing", "a"]]
    oracle.speak()
    assert await questions.ask("a") == 3


async def test_who_fails_fails_alone() -> None:
    oracle = Oracle()
    questions = Gathering(oracle.answer)
    first = asyncio.create_task(questions.ask("a"))
    await turns()
    second = asyncio.create_task(questions.ask("b"))
    oracle.speak(OSError("no"))
    oracle.speak()
    with pytest.raises(OSError, match="no"):
        await first
    assert await second == 2


async def test_who_gives_up_takes_the_answer_from_nobody() -> None:
    oracle = Oracle()
    questions = Gathering(oracle.answer)
    impatient, patient = (asyncio.create_task(questions.ask("a")) for _ in range(2))
    await turns()
    impatient.cancel()
    oracle.speak()
    assert await patient == 1
    alone = asyncio.create_task(questions.ask("b"))
    await turns()
    alone.cancel()
    oracle.speak(OSError("nobody hears it"))
    await turns()
    oracle.speak()
    assert await questions.ask("c") == 3


async def test_no_question_is_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "MOST", 2)
    oracle = Oracle()
    questions = Gathering(oracle.answer)
    asking = asyncio.gather(*map(questions.ask, "abcde"))
    for _ in range(3):
        oracle.speak()
    assert await asking == [1, 1, 2, 2, 3]
