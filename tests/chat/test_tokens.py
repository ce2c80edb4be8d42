"""Tokens, and everything that looks like one."""

import base64
import hmac
import json
import os
import stat
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from chat import tokens as module
from chat.errors import Unauthenticated
from chat.tokens import MAX_LENGTH, Tokens, kept_secret
from models.records import now
from tests.chat.conftest import SECRET, Clock
from tests.contract.samples import session

HEADER = {"alg": "HS256", "typ": "JWT"}
SOON = int(time.time()) + 3600


def claims(**changes: Any) -> dict[str, Any]:
    """What a good token says, with changes; a claim of ... is left out."""
    good = {
        "iss": "hubbub", "aud": "hubbub", "typ": "access", "sub": "user-1", "sid": "session-1",
        "iat": SOON - 7200, "exp": SOON,
    }  # fmt: skip
    return {name: value for name, value in {**good, **changes}.items() if value is not ...}


def encoded(part: object) -> str:
    data = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def forged(
    header: object = HEADER, payload: object = None, secret: str = SECRET, digest: str = "sha256"
) -> str:
    """A token signed by hand, so that nothing keeps it from being as odd as it likes."""
    text = f"{encoded(header)}.{encoded(claims() if payload is None else payload)}"
    return f"{text}.{encoded(hmac.new(secret.encode(), text.encode(), digest).digest())}"


def named_by(tokens: Tokens, token: str) -> tuple[str, str]:
    claim = tokens.read(token)
    return claim.user, claim.session


def refusal_of(tokens: Tokens, token: str) -> str:
    with pytest.raises(Unauthenticated) as refused:
        tokens.read(token)
    return refused.value.code


def test_a_token_says_whose_it_is_and_names_the_session(tokens: Tokens) -> None:
    kept = session("user-1", expires=now() + timedelta(hours=1))
    assert named_by(tokens, tokens.sign(kept, now())) == ("user-1", kept.id)


def test_a_token_says_nothing_else(tokens: Tokens) -> None:
    token = tokens.sign(session("user-1", expires=now() + timedelta(hours=1)), now())
    header, payload, _ = (base64.urlsafe_b64decode(part + "==") for part in token.split("."))
    assert json.loads(header) == HEADER
    assert set(json.loads(payload)) == {"iss", "aud", "typ", "sub", "sid", "iat", "exp"}
    assert len(token) < MAX_LENGTH / 2


def test_a_token_made_by_hand_is_one_so_that_forgeries_fail_for_what_they_name(
    tokens: Tokens,
) -> None:
    assert named_by(tokens, forged()) == ("user-1", "session-1")


@pytest.mark.parametrize("algorithm", ["none", "None", "nOnE", "", None, "HS384", "RS256", "hs256"])
@pytest.mark.parametrize("signed", [True, False])
def test_another_algorithm_is_refused(tokens: Tokens, algorithm: str | None, signed: bool) -> None:
    token = forged({"alg": algorithm, "typ": "JWT"})
    token = token if signed else token.rpartition(".")[0] + "."
    assert refusal_of(tokens, token) == "invalid_token"


@pytest.mark.parametrize(("algorithm", "digest"), [("HS384", "sha384"), ("HS512", "sha512")])
def test_another_algorithm_is_refused_though_it_is_signed_with_our_key(
    tokens: Tokens, algorithm: str, digest: str
) -> None:
    token = forged({"alg": algorithm, "typ": "JWT"}, digest=digest)
    assert refusal_of(tokens, token) == "invalid_token"


@pytest.mark.parametrize(
    "field",
    [
        {"jwk": {"kty": "oct", "k": encoded(b"x" * 32)}}, {"jku": "https://evil.example/keys"},
        {"x5u": "https://evil.example/cert"}, {"x5c": ["MIIB"]}, {"kid": "../../dev/null"},
        {"crit": ["exp"]}, {"crit": []}, {"b64": False}, {"zip": "DEF"}, {"cty": "JWT"},
        {"typ": "at+jwt"}, {"typ": "jwt"}, {"typ": None},
    ],
    ids=str,
)  # fmt: skip
def test_a_header_has_two_fields_and_no_more(tokens: Tokens, field: dict[str, object]) -> None:
    assert refusal_of(tokens, forged({**HEADER, **field})) == "invalid_token"


@pytest.mark.parametrize("header", [{"alg": "HS256"}, {"typ": "JWT"}, {}, [], "HS256", None, 1])
def test_a_header_has_two_fields_and_no_less(tokens: Tokens, header: object) -> None:
    assert refusal_of(tokens, forged(header)) == "invalid_token"


@pytest.mark.parametrize("name", ["exp", "iat", "sub", "sid", "typ", "iss", "aud"])
def test_every_claim_is_required(tokens: Tokens, name: str) -> None:
    assert refusal_of(tokens, forged(payload=claims(**{name: ...}))) == "invalid_token"
    assert refusal_of(tokens, forged(payload=claims(**{name: None}))) == "invalid_token"


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "other"}, {"iss": ["hubbub"]}, {"aud": "other"}, {"aud": ["other"]}, {"aud": []},
        {"typ": "upload"}, {"typ": "reset"}, {"typ": "ACCESS"}, {"typ": ["access"]}, {"typ": 1},
        {"sub": 1}, {"sub": {"$ne": 1}}, {"sid": 1}, {"sid": ["a"]}, {"sid": {"$ne": 1}},
        {"exp": "never"}, {"exp": [SOON]}, {"iat": "now"}, {"iat": SOON}, {"nbf": SOON},
    ],
    ids=lambda change: str(change).replace(str(SOON), "soon"),
)  # fmt: skip
def test_a_claim_that_is_not_ours_is_refused(tokens: Tokens, change: dict[str, object]) -> None:
    assert refusal_of(tokens, forged(payload=claims(**change))) == "invalid_token"


@pytest.mark.parametrize("payload", [[], "x", 1, [claims()], b"{", b"", b"\xff", b"[" * 300])
def test_a_payload_that_is_no_object_is_refused(tokens: Tokens, payload: object) -> None:
    assert refusal_of(tokens, forged(payload=payload)) == "invalid_token"


def test_a_token_expires(tokens: Tokens) -> None:
    old = session("user-1", expires=now() - timedelta(seconds=1))
    token = tokens.sign(old, now() - timedelta(hours=1))
    assert refusal_of(tokens, token) == "token_expired"


def test_a_token_that_was_right_once_expires_all_the_same(clock: Clock) -> None:
    tokens = Tokens(SECRET, clock)
    clock.seconds = SOON - 1
    assert named_by(tokens, forged()) == ("user-1", "session-1")
    clock.seconds = SOON
    assert refusal_of(tokens, forged()) == "token_expired"


def test_a_token_that_was_wrong_once_stays_wrong(tokens: Tokens) -> None:
    token = forged(secret="another" + SECRET)
    assert [refusal_of(tokens, token) for _ in range(2)] == ["invalid_token"] * 2


def test_the_tokens_that_are_remembered_are_bounded(
    tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_VALID", 2)
    for number in range(5):
        tokens.read(forged(payload=claims(sid=f"session-{number}")))
    assert len(tokens._valid) == 2


def test_only_a_token_of_ours_is_told_that_it_has_expired(tokens: Tokens) -> None:
    token = forged(payload=claims(exp=1), secret="another" + SECRET)
    assert refusal_of(tokens, token) == "invalid_token"


@pytest.mark.parametrize("secret", ["another" + SECRET, SECRET[:-1], SECRET + "0", ""])
def test_a_token_of_another_key_is_refused(tokens: Tokens, secret: str) -> None:
    assert refusal_of(tokens, forged(secret=secret)) == "invalid_token"


def swapped(character: str) -> str:
    return "A" if character != "A" else "B"


@pytest.mark.parametrize("part", [0, 1, 2])
def test_a_token_that_was_altered_is_refused(tokens: Tokens, part: int) -> None:
    parts = forged().split(".")
    parts[part] = swapped(parts[part][0]) + parts[part][1:]
    assert refusal_of(tokens, ".".join(parts)) == "invalid_token"


def test_the_claims_of_one_token_do_not_go_with_the_signature_of_another(tokens: Tokens) -> None:
    header, _, signature = forged().split(".")
    payload = encoded(claims(sub="user-2"))
    assert refusal_of(tokens, f"{header}.{payload}.{signature}") == "invalid_token"


@pytest.mark.parametrize("cut", [-1, -10, 10])
def test_a_part_of_a_token_is_refused(tokens: Tokens, cut: int) -> None:
    assert refusal_of(tokens, forged()[:cut]) == "invalid_token"


@pytest.mark.parametrize(
    "token",
    ["", ".", "..", "...", "a", "a.b", "a.b.c", "null", "é.é.é", "\ud800", "\0", "🦆" * 50,
     "." * 1000, "a" * 5000, "e30.e30.", "e30.e30.e30", " "],
    ids=ascii,
)  # fmt: skip
def test_garbage_is_refused(tokens: Tokens, token: str) -> None:
    assert refusal_of(tokens, token) == "invalid_token"


def test_a_token_that_is_too_long_is_not_looked_at(tokens: Tokens) -> None:
    longest = next(
        token
        for size in range(MAX_LENGTH, 0, -1)
        if len(token := forged(payload=claims(pad="x" * size))) <= MAX_LENGTH
    )
    assert named_by(tokens, longest) == ("user-1", "session-1")
    assert refusal_of(tokens, forged(payload=claims(pad="x" * MAX_LENGTH))) == "invalid_token"


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def no_umask() -> Any:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("no_umask")
def test_a_key_is_made_once_and_nobody_else_can_read_it(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "data"
    secret = kept_secret(folder)
    assert len(bytes.fromhex(secret)) == 32
    assert kept_secret(folder) == secret
    assert mode_of(folder / "secret") == 0o600
    assert mode_of(folder) == 0o700
    assert [path.name for path in folder.iterdir()] == ["secret"]


def test_every_folder_has_a_key_of_its_own(tmp_path: Path) -> None:
    assert kept_secret(tmp_path / "a") != kept_secret(tmp_path / "b")


def test_a_key_that_is_there_already_is_taken_without_its_line_end(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    assert kept_secret(tmp_path) == SECRET


def test_the_key_of_a_start_that_was_faster_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link: Callable[..., None] = os.link
    others: list[str] = []

    def link_second(*arguments: Any) -> None:
        monkeypatch.setattr(os, "link", link)
        others.append(kept_secret(tmp_path))
        link(*arguments)

    monkeypatch.setattr(os, "link", link_second)
    secret = kept_secret(tmp_path)
    assert [secret] == others
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


def test_many_starts_at_once_make_one_key(tmp_path: Path) -> None:
    together = Barrier(8)

    def start(_: int) -> str:
        together.wait()
        return kept_secret(tmp_path)

    with ThreadPoolExecutor(8) as threads:
        keys = set(threads.map(start, range(8)))
    assert len(keys) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]
