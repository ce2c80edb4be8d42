"""The process: how it starts, stops, and what is left of it."""

import json
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import pictures
from tests.mongod import Mongod
from tests.process import ROOT, ServerProcess, environment, run

ANN = {"username": "ann", "email": "ann@example.com", "password": "correct horse 42"}


@pytest.fixture(params=["sqlite", "mongodb"])
def where(request: pytest.FixtureRequest) -> dict[str, str]:
    """The settings of a server on either store."""
    if request.param == "sqlite":
        return {}
    uri: str = request.getfixturevalue("mongo_uri")
    return {"MONGODB_URI": uri}


@pytest.mark.parametrize(
    ("arguments", "settings", "words"),
    [
        (["--frobnicate", "x"], {}, "unrecognized arguments: --frobnicate x"),
        (["--por", "8000"], {}, "unrecognized arguments"),
        (["frobnicate"], {}, "unrecognized arguments: frobnicate"),
        (["--port", "many"], {}, "PORT: expected a whole number"),
        (["--port"], {}, "--port: expected one argument"),
        ([], {"PORT": "70000"}, "PORT: must be from 0 to 65535"),
        (["--host", ".."], {}, "HOST: expected an address or a host name"),
        (["--host", "\udcff"], {}, "HOST: expected an address or a host name"),
        ([], {"BCRYPT_ROUNDS": "3"}, "BCRYPT_ROUNDS: must be from 4"),
        ([], {"TOKEN_TTL": "soon"}, "TOKEN_TTL: expected a duration"),
        ([], {"RATE_LIMITS": "maybe"}, "RATE_LIMITS: expected on or off"),
        ([], {"CLIENT_URL": "example.com"}, "CLIENT_URL: expected an origin"),
        ([], {"JWT_SECRET": "short"}, "JWT_SECRET: must have at least 32 bytes"),
        ([], {"JWT_SECRET": "your-super-secret-jwt-key-change-this"}, "JWT_SECRET: is a sample"),
        ([], {"MONGODB_URI": "localhost:27017"}, "MONGODB_URI: must begin with mongodb://"),
        (["users"], {}, "required: ACTION"),
        (["users", "promote"], {}, "required: name"),
    ],
)
def test_what_cannot_be_used_stops_the_start_with_one_line(
    tmp_path: Path, arguments: list[str], settings: dict[str, str], words: str
) -> None:
    done = run(*arguments, cwd=tmp_path, **settings)
    assert done.returncode == 2
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    assert line.startswith("hubbub: ")
    assert words in line
    assert list(tmp_path.iterdir()) == []


def test_an_address_of_mongodb_that_is_malformed_is_a_setting_that_cannot_be_used(
    tmp_path: Path,
) -> None:
    done = run("--port", "0", cwd=tmp_path, MONGODB_URI="mongodb://user:pass@@host:x/")
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert line.startswith("hubbub: MONGODB_URI is malformed")


def test_an_unknown_name_in_the_env_file_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=5005\nJTW_SECRET=x\n")
    done = run(cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "hubbub: .env:2: unknown setting JTW_SECRET; did you mean JWT_SECRET?\n"


def test_the_env_file_of_the_working_folder_is_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("LOG_FORMAT=json\n")
    with ServerProcess(tmp_path) as server:
        line = json.loads(server.wait_for_line("listening"))
        assert line["level"] == "info"


def test_help_lists_every_setting_and_fails_nothing(tmp_path: Path) -> None:
    done = run("--help", cwd=tmp_path)
    assert done.returncode == 0
    assert "--mongodb-uri" in done.stdout


def test_an_account_is_still_there_after_a_restart(tmp_path: Path, where: dict[str, str]) -> None:
    with ServerProcess(tmp_path, **where) as server:
        status, answer = server.call("POST", "/api/auth/register", ANN)
        assert status == 201
        assert server.stop() == 0
    with ServerProcess(tmp_path, **where) as server:
        status, user = server.call("GET", "/api/auth/me", token=answer["token"])
        assert (status, user["username"]) == (200, "ann")


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path, where: dict[str, str]) -> None:
    with ServerProcess(tmp_path, **where) as server:
        server.call("POST", "/api/auth/register", ANN)
        server.kill()
    with ServerProcess(tmp_path, **where) as server:
        status, _ = server.call("POST", "/api/auth/login", ANN)
        assert status == 200
        assert server.stop() == 0


def test_the_secret_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server:
        assert server.url
    secret = tmp_path / "data" / "secret"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "data" / "hubbub.db").stat().st_mode) == 0o600
    first = secret.read_text()
    with ServerProcess(tmp_path) as server:
        assert server.url
        assert first.strip() not in "\n".join(server.lines)
    assert secret.read_text() == first


def test_a_second_server_on_the_same_data_is_refused(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server:
        assert server.url
        done = run("--port", "0", cwd=tmp_path)
        assert done.returncode == 1
        assert "in use by another Hubbub process" in done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert server.call("GET", "/ready")[0] == 200


def test_a_port_that_is_taken_is_one_clear_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run("--port", str(port), cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(f"hubbub: cannot listen on 127.0.0.1:{port}: ")


def test_the_command_line_works_beside_a_running_server(
    tmp_path: Path, where: dict[str, str]
) -> None:
    with ServerProcess(tmp_path, **where) as server:
        _, ann = server.call("POST", "/api/auth/register", ANN)
        _, bob = server.call("POST", "/api/auth/register", {**ANN, "username": "bob", "email": ""})
        listed = run("users", "list", cwd=tmp_path, **where)
        assert [line.split("\t")[1] for line in listed.stdout.splitlines()] == ["ann", "bob"]
        assert run("users", "disable", "bob", cwd=tmp_path, **where).returncode == 0
        deadline = time.monotonic() + 1  # what is promised
        while server.call("GET", "/api/auth/me", token=bob["token"])[0] == 200:
            assert time.monotonic() < deadline
        assert server.call("GET", "/api/auth/me", token=ann["token"])[0] == 200
        last = run("users", "demote", "ann", cwd=tmp_path, **where)
        assert (last.returncode, last.stdout) == (1, "")
        assert "last administrator" in last.stderr
        nobody = run("users", "enable", "nobody", cwd=tmp_path, **where)
        assert (nobody.returncode, nobody.stderr) == (1, "hubbub: there is no such user\n")


def test_a_password_is_set_from_standard_input(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server:
        server.call("POST", "/api/auth/register", ANN)
        done = run("users", "password", "ann", cwd=tmp_path, text="another horse 43\n")
        assert done.returncode == 0, done.stderr
        assert server.call("POST", "/api/auth/login", ANN)[0] == 401
        fresh = {**ANN, "password": "another horse 43"}
        assert server.call("POST", "/api/auth/login", fresh)[0] == 200


@pytest.mark.parametrize("polls", [False, True], ids=["", "behind a poll"])
def test_a_stop_finishes_what_runs(tmp_path: Path, polls: bool) -> None:
    # At this cost a hash takes a second or so: long enough to be stopped in the middle.
    with ServerProcess(tmp_path, "--bcrypt-rounds", "14") as server:
        host, port = server.url.removeprefix("http://").split(":")
        body = json.dumps(ANN).encode()
        with socket.create_connection((host, int(port))) as client:
            if polls:  # and so the connection is served past Tornado
                client.sendall(
                    b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n\r\n"
                )
                assert client.recv(65536).startswith(b"HTTP/1.1 200 ")
            client.sendall(
                b"POST /api/auth/register HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                b"X-Request-Id: the-last-one\r\nContent-Length: %d\r\n\r\n" % len(body) + body
            )
            # The answer to a later request shows that the earlier one has been taken in.
            assert server.call("GET", "/health")[0] == 200
            started = time.monotonic()
            assert server.stop() == 0
            assert time.monotonic() - started < 10
            assert client.recv(65536).startswith(b"HTTP/1.1 201 ")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((host, int(port)))
    with ServerProcess(tmp_path) as server:
        assert server.call("POST", "/api/auth/login", ANN)[0] == 200


def test_an_idle_connection_does_not_hold_up_a_stop(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server:
        host, port = server.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))):
            assert server.call("GET", "/health")[0] == 200
            assert server.stop() == 0


def test_a_poll_is_answered_when_the_server_stops(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, OPEN_MODE="on") as server:
        host, port = server.url.removeprefix("http://").split(":")
        path = "/socket.io/?EIO=4&transport=polling"
        with socket.create_connection((host, int(port))) as client:
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            opening = client.recv(65536).decode()
            assert opening.startswith("HTTP/1.1 200 ")
            sid = opening.partition('"sid":"')[2].partition('"')[0]
            client.sendall(f"GET {path}&sid={sid} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert server.call("GET", "/health")[0] == 200
            assert server.stop() == 0
            assert client.recv(65536).endswith(b"\r\n\r\n1")


def test_a_mongod_that_is_not_there_is_waited_for_and_then_given_up(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        uri = f"mongodb://user:sesame@127.0.0.1:{closed.getsockname()[1]}/hubbub"
        done = run(cwd=tmp_path, MONGODB_URI=uri, MONGODB_WAIT="1", STORE_TIMEOUT="0.5", PORT="0")
    assert done.returncode == 1
    *tries, last = done.stderr.splitlines()
    assert tries
    assert all("the store does not answer" in line for line in tries)
    assert last.startswith("hubbub: the store does not answer: ")
    assert "sesame" not in done.stderr


def test_a_mongod_that_comes_late_is_found(tmp_path: Path, mongod_program: Path) -> None:
    with Mongod(mongod_program) as late:
        late.stop()
        settings = {"MONGODB_URI": late.uri(), "STORE_TIMEOUT": "1"}
        with ServerProcess(tmp_path, **settings) as server:
            server.wait_for_line("trying again")
            late.start()
            assert server.call("POST", "/api/auth/register", ANN)[0] == 201


def test_a_mongod_that_is_frozen_is_an_error_in_time_and_then_found_again(
    tmp_path: Path, mongod_program: Path
) -> None:
    with (
        Mongod(mongod_program) as frozen,
        ServerProcess(tmp_path, MONGODB_URI=frozen.uri()) as server,
    ):
        _, ann = server.call("POST", "/api/auth/register", ANN)
        frozen.pause()
        started = time.monotonic()
        status, answer = server.call("GET", "/api/users", token=ann["token"])
        assert time.monotonic() - started < 5
        assert (status, answer["code"]) == (503, "store_unavailable")
        frozen.resume()
        while server.call("GET", "/ready")[0] != 200:
            assert time.monotonic() - started < 30
        assert server.call("GET", "/api/users", token=ann["token"])[0] == 200


def test_the_readmes_lines_do_what_they_say(tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    blocks = [part.partition("```")[0] for part in readme.split("```sh\n")[1:]]
    assert len(blocks) == 5
    (tmp_path / "photo.jpg").write_bytes(pictures.plain("JPEG"))
    with ServerProcess(tmp_path) as server:
        script = "\n".join(blocks).replace("http://127.0.0.1:5000", server.url)
        script = script.replace(".venv/bin/python server.py", f"{sys.executable} {ROOT}/server.py")
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith('{"message":"User registered successfully"')
    assert '"email":"alice@example.com"' in done.stdout
    assert '"sessions":[' in done.stdout
    assert done.stdout.count('"content":"hello"') == 2
    assert '"kind":"image"' in done.stdout
    assert "\talice\talice@example.com\tadmin\tenabled\t" in done.stdout


def test_a_data_folder_that_is_a_file_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    done = run("--port", "0", cwd=tmp_path)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
