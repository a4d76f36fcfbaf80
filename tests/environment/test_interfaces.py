"""The interface packages: wire-compatible with the originals, and built from the sources beside them."""

import importlib
import json
import re
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[2] / "ros_ws" / "src"
PACKAGES = ("carla_msgs", "craft_msgs", "derived_object_msgs")

# REP 2011 type hashes of the ORIGINAL definitions, generated with rosidl 4.6.6 from carla-simulator/ros-carla-msgs
# (branch leaderboard-2.0, which contains all of 1.3.0) and astuff/astuff_sensor_msgs 4.0.0. DDS endpoints of the
# original packages match ours if and only if names, types and order of all fields agree, which is what the hash covers.
ORIGINAL_HASHES = {
    "carla_msgs/msg/CarlaActorInfo": "2ca0a6e2b412f1ffeea438bde6683b1be0e46c52925ac45a6fe91f8cb3c4371c",
    "carla_msgs/msg/CarlaActorList": "9c84c0e4b7513532a2943a25c75d4a139d48f31288f5a2b68c289f1e0a0b1be1",
    "carla_msgs/msg/CarlaBoundingBox": "64150a58baddf4ecdfd2adcc41b74bc2a7caaa1677545e971b47623ca1c31b63",
    "carla_msgs/msg/CarlaCollisionEvent": "d77acb472c5effb98998bfb2e176ae3ffac0a84ce33a79f90e999544e3fcfeff",
    "carla_msgs/msg/CarlaControl": "7053e4e9ec21223b8f3a67944cc19fac0e419791a87e59438a56ba9efce2a9ac",
    "carla_msgs/msg/CarlaEgoVehicleControl": "4f251fa2a554e8ed996f77eb1d5b65515af1369eceb04d5122cb5761f7801be3",
    "carla_msgs/msg/CarlaEgoVehicleInfo": "b8dc3866014924ce7fe57e0cff05a5448ec18f27156656b3b1b69f4da558e956",
    "carla_msgs/msg/CarlaEgoVehicleInfoWheel": "63caae9f2637752b93a616b10e00d21be15ca32cac533efd3596349a5cf4d4fe",
    "carla_msgs/msg/CarlaEgoVehicleStatus": "3565cc74470f5c37eb316a36426effd811ac1baf835df3fc2bb7a88574bb3e07",
    "carla_msgs/msg/CarlaGnssRoute": "7f345c34d63b7237ede2959fc192faef7853f1798965b9480de532085a243cb7",
    "carla_msgs/msg/CarlaLaneInvasionEvent": "ec4d0e28a97c4a7952a100d47a801996d0463ad7fe0e08a96049de4b19656508",
    "carla_msgs/msg/CarlaRoute": "ca0832402cb896e1fd0d7c215221568321effd570ca821aa1b0986aca81ce89b",
    "carla_msgs/msg/CarlaSpeedometer": "5eb8bb6e7c91d11710ff839b59659cf09701fff1ae8d6887d93bdbce0057b497",
    "carla_msgs/msg/CarlaStatus": "a3f7fb6fc4b673840e0c092c3c9e52a8120885ba603e0125a23f58ac279c0c13",
    "carla_msgs/msg/CarlaTrafficLightInfo": "c6bc358a736c0843889a6f65d8070f9891619a250fcc58ad51ffb9f87dd138b4",
    "carla_msgs/msg/CarlaTrafficLightInfoList": "9a13ecb7abe8b5b53c9dc5b7794981c90bd04b0556f8ab66cf26863ac600fde6",
    "carla_msgs/msg/CarlaTrafficLightStatus": "e4a58f6956c9d395f8aa8df33b6aa2765cb83c8522ec3e676196dc49485bf0b8",
    "carla_msgs/msg/CarlaTrafficLightStatusList": "07f3b9ec436d9925e8b55f229d420336a997e824911afdb299f2dd0f32a26268",
    "carla_msgs/msg/CarlaWalkerControl": "ccb5ec377b88a20b0f341db32d7fcf93a31bbd13662ae1b19dadbe12483c6b88",
    "carla_msgs/msg/CarlaWeatherParameters": "85e1bba9e8fc0f7bf769d09771c4b2b75ff9702cd486df24e153c74232e26216",
    "carla_msgs/msg/CarlaWorldInfo": "b7093c2a34078b682bef09c0e60c76b06542f8ab4ea69756f9505ca06655e9ab",
    "carla_msgs/srv/DestroyObject": "3fe49d1944036534b21a259ed04f8e10a086565bed0865631ee3a130b72d6631",
    "carla_msgs/srv/GetBlueprints": "c4c491497c882b601b9b92b51a765047a25515b588394e8fdda8d8faddbbe636",
    "carla_msgs/srv/SpawnObject": "ab9180018028fb47c178ffe99e8156b8fcdb6660c8fb76aadd8e057ffcaf6bd6",
    "derived_object_msgs/msg/Object": "e1f0a53586534c782bbb1f46627230ba2e03135a3623c0f6e32ba7f67db35478",
    "derived_object_msgs/msg/ObjectArray": "90aaca381d0f1793679b5397bd2cd37a9e83cd980af5f8abb516d7b7da3b3285",
}

# Constants are not part of the hash. Values from the originals.
CONSTANTS = {
    "carla_msgs/CarlaControl": {"PLAY": 0, "PAUSE": 1, "STEP_ONCE": 2},
    "carla_msgs/CarlaTrafficLightStatus": {"RED": 0, "YELLOW": 1, "GREEN": 2, "OFF": 3, "UNKNOWN": 4},
    "carla_msgs/CarlaLaneInvasionEvent": {"LANE_MARKING_OTHER": 0, "LANE_MARKING_BROKEN": 1, "LANE_MARKING_SOLID": 2},
    "carla_msgs/CarlaRoute": {
        "VOID": -1,
        "LEFT": 1,
        "RIGHT": 2,
        "STRAIGHT": 3,
        "LANEFOLLOW": 4,
        "CHANGELANELEFT": 5,
        "CHANGELANERIGHT": 6,
    },
    "derived_object_msgs/Object": {
        "OBJECT_DETECTED": 0,
        "OBJECT_TRACKED": 1,
        "CLASSIFICATION_UNKNOWN": 0,
        "CLASSIFICATION_UNKNOWN_SMALL": 1,
        "CLASSIFICATION_UNKNOWN_MEDIUM": 2,
        "CLASSIFICATION_UNKNOWN_BIG": 3,
        "CLASSIFICATION_PEDESTRIAN": 4,
        "CLASSIFICATION_BIKE": 5,
        "CLASSIFICATION_CAR": 6,
        "CLASSIFICATION_TRUCK": 7,
        "CLASSIFICATION_MOTORCYCLE": 8,
        "CLASSIFICATION_OTHER_VEHICLE": 9,
        "CLASSIFICATION_BARRIER": 10,
        "CLASSIFICATION_SIGN": 11,
    },
}


def definitions():
    return sorted(
        path for name in PACKAGES for kind in ("msg", "srv") for path in SOURCES.glob(f"{name}/{kind}/*.[ms]*")
    )


def field_lines(path):
    """Lines of a definition that declare a field or a constant, without the comment, and whether they have one."""
    for line in path.read_text().splitlines():
        code, mark, comment = line.partition("#")
        if code.strip() and code.strip() != "---":
            yield code.split(), bool(mark and comment.strip())


@pytest.mark.parametrize("name", ORIGINAL_HASHES)
def test_type_hash_is_that_of_the_original(name):
    package, kind, message = name.split("/")
    # <prefix>/lib/python3.x/site-packages/<package>/__init__.py
    prefix = Path(importlib.import_module(package).__file__).parents[4]
    description = json.loads((prefix / "share" / package / kind / f"{message}.json").read_text())
    hashes = {entry["type_name"]: entry["hash_string"] for entry in description["type_hashes"]}
    assert hashes[name] == "RIHS01_" + ORIGINAL_HASHES[name]


def test_every_original_definition_that_we_have_is_pinned():
    ours = {f"{p.parts[-3]}/{p.parts[-2]}/{p.stem}" for p in definitions() if "craft_msgs" not in p.parts}
    assert ours == set(ORIGINAL_HASHES)


@pytest.mark.parametrize("name", CONSTANTS)
def test_constants_are_those_of_the_original(name):
    package, message = name.split("/")
    kind = getattr(importlib.import_module(f"{package}.msg"), message)
    assert {key: getattr(kind, key) for key in CONSTANTS[name]} == CONSTANTS[name]


# rosidl's Python names for the types of .msg files that differ.
PYTHON_TYPES = {"bool": "boolean", "float32": "float", "float64": "double"}


def python_type(package, text):
    base, length = re.fullmatch(r"([\w/]+)(?:\[(\d*)])?", text).groups()
    base = PYTHON_TYPES.get(base, base)
    if base[0].isupper():
        base = f"{package}/{base}"
    if length is None:
        return base
    return f"{base}[{length}]" if length else f"sequence<{base}>"


@pytest.mark.parametrize("path", [p for p in definitions() if p.suffix == ".msg"], ids=lambda p: p.stem)
def test_what_is_installed_was_built_from_the_source(path):
    package = path.parts[-3]
    expected = {
        words[1]: python_type(package, words[0]) for words, _ in field_lines(path) if "=" not in "".join(words[1:])
    }
    built = getattr(importlib.import_module(f"{package}.msg"), path.stem).get_fields_and_field_types()
    assert list(built.items()) == list(expected.items())


@pytest.mark.parametrize("path", definitions(), ids=lambda p: f"{p.parts[-3]}-{p.stem}")
def test_every_definition_says_what_it_is(path):
    assert path.read_text().startswith("# ")


@pytest.mark.parametrize("path", definitions(), ids=lambda p: f"{p.parts[-3]}-{p.stem}")
def test_every_field_is_explained(path):
    bare = [words[1] for words, commented in field_lines(path) if "=" not in "".join(words) and not commented]
    assert bare == []
