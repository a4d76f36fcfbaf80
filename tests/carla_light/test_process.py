"""The command line and the child process: ports, signals, broken maps, and a parent that dies."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import carla
import pytest

from carla_light import MapError, Server, ServerError
from carla_light.opendrive.town import build_town
from carla_light.towns import DEFAULT_TOWN, load

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT / "carla_light")}


def start(*arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "carla_light", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT,
    )  # fmt: skip


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_announces_its_port_and_ends_quietly(number):
    process = start("--port", "0")
    line = process.stdout.readline()
    assert re.match(r"carla_light: listening on 127\.0\.0\.1:\d+ \(streams \d+\), CARLA 0\.9\.16, map \w+$", line)
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, "", "")


def test_a_port_in_use_is_one_clear_sentence():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = start("--port", str(port))
        out, err = process.communicate(timeout=20)
        assert process.returncode == 1 and out == ""
        assert len(err.splitlines()) == 1
        assert f"cannot listen on 127.0.0.1:{port}" in err and "--port" in err
        with pytest.raises(ServerError, match=f"cannot listen on 127.0.0.1:{port}"):
            Server(port=port).start()


def test_it_listens_on_the_loopback_address_only():
    with Server() as server:
        listening = Path("/proc/net/tcp").read_text().splitlines()[1:]
        rows = [line.split()[1] for line in listening if line.split()[3] == "0A"]
        addresses = {row.split(":")[0] for row in rows if int(row.split(":")[1], 16) == server.port}
        assert addresses == {"0100007F"}  # 127.0.0.1, little endian


def test_it_ends_with_its_parent():
    script = "import os, carla_light; server = carla_light.Server().start(); print(server.pid, flush=True); os._exit(1)"
    parent = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=ENVIRONMENT, timeout=60, check=False
    )
    pid = int(parent.stdout)
    deadline = time.monotonic() + 10.0
    while Path(f"/proc/{pid}/cmdline").exists() and Path(f"/proc/{pid}/cmdline").read_bytes():
        assert time.monotonic() < deadline, "the server outlived its parent"
        time.sleep(0.02)


def test_a_server_can_be_stopped_and_started_again():
    server = Server()
    server.start()
    with pytest.raises(ServerError, match="already runs"):
        server.start()
    server.stop()
    server.stop()
    with server:
        client = carla.Client("127.0.0.1", server.port)
        client.set_timeout(10.0)
        assert client.get_server_version() == "0.9.16"


def broken(**replacements):
    text = load(DEFAULT_TOWN)
    for old, new in replacements.values():
        assert old in text
        text = text.replace(old, new, 1)
    return text


SIGNALS = "<signals>"
BROKEN_MAPS = {
    "no XML": ("<OpenDRIVE", "is no well-formed XML"),
    "another document": ("<osm/>", "starts with <osm>"),
    "no road": ("<OpenDRIVE/>", "has no <road>"),
    "missing signal": (
        broken(signal=(SIGNALS, SIGNALS + '<signalReference id="77777" s="1" t="0"/>')),
        "signalReference to signal '77777', which does not exist",
    ),
    "missing junction": (
        re.sub(r'(elementType="junction" elementId=)"\d+"', r'\1"4711"', load(DEFAULT_TOWN), count=1),
        "junction '4711', which does not exist",
    ),
    "bad number": (
        re.sub(r'(<geometry [^>]*x=)"[^"]*"', r'\1"nan"', load(DEFAULT_TOWN), count=1),
        "has a geometry whose s, x, y, hdg or length is not a finite number",
    ),
}


@pytest.mark.parametrize("case", BROKEN_MAPS)
def test_a_malformed_map_is_refused_with_its_fault(case):
    text, message = BROKEN_MAPS[case]
    with pytest.raises(MapError, match=re.escape(message)):
        build_town("Broken", text)


def test_a_malformed_map_on_the_command_line(tmp_path):
    path = tmp_path / "broken.xodr"
    path.write_text("<OpenDRIVE/>")
    process = start("--map", str(path), "--port", "0")
    out, err = process.communicate(timeout=20)
    assert process.returncode == 1 and out == ""
    assert err == "carla_light: map 'broken' is malformed: it has no <road>; correct the OpenDRIVE file\n"
    with pytest.raises(ServerError, match=r"cannot read the map file .*missing\.xodr"):
        Server(map=tmp_path / "missing.xodr").start()


def test_a_map_file_of_ones_own(tmp_path):
    path = tmp_path / "mine.xodr"
    path.write_text(load(DEFAULT_TOWN))
    with Server(map=path) as server:
        client = carla.Client("127.0.0.1", server.port)
        client.set_timeout(10.0)
        assert client.get_world().get_map().name.endswith("mine")
