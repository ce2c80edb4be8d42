"""Which passwords are good enough, and how they are hashed."""

import asyncio
from typing import Any

import bcrypt
import pytest

from chat import passwords as module
from chat.errors import Busy, Invalid
from chat.passwords import MAX_WAITING, Hasher, PasswordRules, packed
from models.records import folded
from tests.chat.conftest import COMMON, PASSWORD

RULES = PasswordRules(8, COMMON)


def refusal_of(password: str, *names: str) -> str:
    with pytest.raises(Invalid) as refused:
        RULES.require_good(password, names=names)
    assert refused.value.details == {"field": "password"}
    return refused.value.code


@pytest.mark.parametrize(
    "password", ["x" * 72, "é" * 36, "e\u0301" * 36, "🦆" * 18, "x" * 70 + "é", "\0" * 72, ""]
)
def test_a_password_has_up_to_72_bytes(password: str) -> None:
    assert len(packed(password)) <= 72


@pytest.mark.parametrize(
    "password", ["x" * 73, "é" * 37, "e\u0301" * 37, "🦆" * 19, "x" * 71 + "é", "x" * 1024]
)
def test_a_password_of_more_than_72_bytes_is_refused_and_never_cut(password: str) -> None:
    assert refusal_of(password) == "password_too_long"


@pytest.mark.parametrize("password", ["", "x", "qX7$kd9", "e\u0301" * 4, "e\u0301" * 7])
def test_a_short_password_is_refused(password: str) -> None:
    assert refusal_of(password) == "password_too_short"


@pytest.mark.parametrize(
    "password", ["qX7$kd9p", PASSWORD, "ошибка-ü", "x" * 40 + "🦆", " q X 7 $ "]
)
def test_a_good_password_passes(password: str) -> None:
    RULES.require_good(password, names=("ann", "ann@example.com"))


def test_the_commonest_passwords_are_many() -> None:
    assert len(COMMON) > 5000
    assert sum(len(password) >= 8 for password in COMMON) >= 3000
    assert {"password", "12345678", "qwertyuiop", "iloveyou1"} <= COMMON


def test_every_common_password_can_be_met() -> None:
    assert [password for password in COMMON if folded(password) != password] == []


@pytest.mark.parametrize("password", ["password", "PASSWORD", "PassWord", "12345678", "QWERTYuiop"])
def test_a_common_password_is_refused_in_any_case(password: str) -> None:
    assert refusal_of(password) == "password_too_common"


@pytest.mark.parametrize("password", ["ann.miller", "Ann.Miller", "ANN@EXAMPLE.COM"])
def test_ones_own_name_is_no_password(password: str) -> None:
    assert refusal_of(password, "Ann.Miller", "ann@example.com") == "password_too_common"


@pytest.mark.gen_test
async def test_a_password_opens_its_own_hash_and_no_other_does(hasher: Hasher) -> None:
    hashed = await hasher.hash(PASSWORD)
    assert await hasher.verify(PASSWORD, hashed)
    for other in ("", PASSWORD + " ", PASSWORD.upper(), PASSWORD[:-1], hashed):
        assert not await hasher.verify(other, hashed)


@pytest.mark.gen_test
async def test_the_last_of_72_bytes_counts_and_so_does_what_follows_a_nul(hasher: Hasher) -> None:
    for good, bad in (("x" * 71 + "y", "x" * 71 + "z"), ("secret\0one", "secret\0two")):
        hashed = await hasher.hash(good)
        assert await hasher.verify(good, hashed)
        assert not await hasher.verify(bad, hashed)


@pytest.mark.gen_test
async def test_every_keyboard_gives_the_same_password(hasher: Hasher) -> None:
    hashed = await hasher.hash("Zoe\u0308 und Ångström")
    assert await hasher.verify("Zoë und A\u030angstro\u0308m", hashed)


@pytest.mark.gen_test
async def test_two_hashes_of_a_password_differ(hasher: Hasher) -> None:
    assert await hasher.hash(PASSWORD) != await hasher.hash(PASSWORD)


@pytest.mark.gen_test
async def test_a_password_that_is_too_long_is_never_hashed_nor_compared(hasher: Hasher) -> None:
    for call in (hasher.hash("é" * 37), hasher.verify("é" * 37, None)):
        with pytest.raises(Invalid):
            await call


@pytest.mark.gen_test
async def test_nobodys_password_fails_after_as_much_work_as_anybodys(
    hasher: Hasher, monkeypatch: pytest.MonkeyPatch
) -> None:
    somebody = await hasher.hash(PASSWORD)
    compared: list[bytes] = []
    check = bcrypt.checkpw

    def watched(password: bytes, hashed: bytes) -> bool:
        compared.append(hashed)
        return check(password, hashed)

    monkeypatch.setattr(bcrypt, "checkpw", watched)
    assert not await hasher.verify(PASSWORD, None)
    assert await hasher.verify(PASSWORD, somebody)
    assert [hashed[:7] for hashed in compared] == [b"$2b$04$"] * 2
    assert [len(hashed) for hashed in compared] == [60] * 2


@pytest.mark.gen_test
async def test_a_wrong_password_is_as_much_work_for_a_hash_of_a_lower_cost(
    hasher: Hasher, monkeypatch: pytest.MonkeyPatch
) -> None:
    somebody = await hasher.hash(PASSWORD)
    work: list[int] = []
    check = bcrypt.checkpw

    def watched(password: bytes, hashed: bytes) -> bool:
        work.append(2 ** int(hashed[4:6]))
        return check(password, hashed)

    monkeypatch.setattr(bcrypt, "checkpw", watched)
    costlier = Hasher(rounds=7, threads=1)
    for password_hash in (somebody, None):
        assert not await costlier.verify("wrong horse 42", password_hash)
        assert sum(work) == 2**7
        work.clear()
    assert await costlier.verify(PASSWORD, somebody)
    assert work == [2**4]
    costlier.close()


@pytest.mark.gen_test
async def test_nobodys_password_fails_even_if_it_were_right(
    hasher: Hasher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bcrypt, "checkpw", lambda *_: True)
    assert not await hasher.verify(PASSWORD, None)


def test_a_hash_is_weak_when_new_ones_cost_more(hasher: Hasher) -> None:
    salt = "$2b${:02}$" + "x" * 53
    five = Hasher(rounds=5, threads=1)
    weak = [rounds for rounds in (4, 5, 6, 12) if five.is_weak(salt.format(rounds))]
    five.close()
    assert weak == [4]


@pytest.mark.gen_test
async def test_hashes_that_wait_are_bounded_and_the_bound_frees_itself(hasher: Hasher) -> None:
    calls = [hasher.verify(PASSWORD, None) for _ in range(MAX_WAITING + 2)]
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert results[:MAX_WAITING] == [False] * MAX_WAITING
    for busy in results[MAX_WAITING:]:
        assert isinstance(busy, Busy)
        assert busy.retry_after == 2
    assert not await hasher.verify(PASSWORD, None)


@pytest.mark.gen_test
async def test_a_hash_that_fails_frees_its_place(
    hasher: Hasher, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> bool:
        raise MemoryError

    monkeypatch.setattr(module, "MAX_WAITING", 1)
    monkeypatch.setattr(bcrypt, "checkpw", broken)
    for _ in range(3):
        with pytest.raises(MemoryError):
            await hasher.verify(PASSWORD, None)
