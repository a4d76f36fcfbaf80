"""The one description of the stack, and its two users: launch files and the craft command."""

import ast
import importlib
import re
from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from craft_nodes import stack
from craft_nodes.cli import launcher, make_parser

ROOT = Path(__file__).parents[2]
PARAMS = ROOT / "config" / "craft.yaml"
STACKS = tuple(stack.ARGUMENTS)


def build(name, **given):
    return stack.build(name, given, params_file="/config/craft.yaml", run_dir="/runs/one")


def node(built, name):
    return next(spec for spec in built.nodes if spec.name == name)


# ---- arguments -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", STACKS)
def test_every_argument_has_a_description_and_a_default_that_it_accepts(name):
    for argument in stack.ARGUMENTS[name]:
        assert len(argument.description.split()) >= 3, argument.name
    stack.parse_arguments(name, {})  # accepts all defaults


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"world": "gazebo"}, ["world", "gazebo", "carla_light"]),
        ({"rounds": "0"}, ["rounds", "'0'", "from 1 on"]),
        ({"seed": "-1"}, ["seed", "from 0 on"]),
        ({"seed": "many"}, ["seed", "'many'"]),
        ({"sead": "1"}, ["unknown", "sead", "seed"]),
        ({"role_name": ""}, ["role_name", "hero"]),
        ({"remap": "odometry"}, ["remap", "'odometry'", "from:=to"]),
        ({"remap": "a:=b :=c"}, ["remap", "from:=to"]),
    ],
)
def test_a_bad_argument_is_refused_with_its_name_and_the_cure(given, words):
    with pytest.raises(stack.ArgumentError) as refusal:
        build("train", **given)
    assert all(word in str(refusal.value) for word in words)


def test_an_unknown_stack_is_refused():
    with pytest.raises(stack.ArgumentError, match="choose one of train, evaluate, collect"):
        build("fly")


# ---- what is built ---------------------------------------------------------------------------------------------------


def test_training_has_the_six_nodes_of_the_design_and_the_embedded_server():
    built = build("train")
    names = ["world", "perception", "policy", "counterfactual", "event_monitor", "trainer"]
    assert [spec.name for spec in built.nodes] == names
    assert built.main == "trainer"
    world = node(built, "world")
    assert built.server.arguments == ("--port", str(world.parameters["port"]))
    assert world.parameters["host"] == "127.0.0.1"
    assert world.after_port == world.parameters["port"]


def test_a_carla_server_is_reached_where_the_arguments_say():
    built = build("train", world="carla", host="sim.local", port="3000")
    assert built.server is None
    assert node(built, "world").parameters | {"host": "sim.local", "port": 3000} == node(built, "world").parameters
    assert node(built, "world").after_port == 0  # a missing server is an error at once, not a long wait
    assert node(build("train", world="carla"), "world").parameters["port"] == 2000


def test_with_an_external_world_nothing_ticks_and_three_nodes_stand_in_for_it():
    built = build("train", world="external")
    assert built.server is None
    assert "world" not in [spec.name for spec in built.nodes]
    standing_in = {spec.name for spec in built.nodes if spec.parameters.get("external_episodes") is True}
    assert standing_in == {"perception", "policy", "trainer"}
    assert not any("external_episodes" in spec.parameters for spec in build("train").nodes)


@pytest.mark.parametrize("name", ["evaluate", "collect"])
def test_what_needs_orders_refuses_an_external_world(name):
    with pytest.raises(stack.ArgumentError, match="world is 'external'; choose one of carla_light, carla"):
        build(name, world="external")


def test_topics_are_renamed_for_every_node():
    built = build("train", remap="carla/hero/odometry:=/localization/odometry  /clock:=/sim/clock")
    rules = (("carla/hero/odometry", "/localization/odometry"), ("/clock", "/sim/clock"))
    assert {spec.remappings for spec in built.nodes} == {rules}
    assert build("train").nodes[0].remappings == ()


def test_arguments_reach_the_nodes_they_concern_and_no_others():
    built = build("train", seed="7", rounds="3", checkpoint="/policy", role_name="ego_vehicle", namespace="car")
    assert node(built, "trainer").parameters == {
        "checkpoint": "/policy",
        "seed": 7,
        "rounds": 3,
        "role_name": "ego_vehicle",
        "run_dir": "/runs/one",
        "world": "carla_light",
    }
    assert node(built, "policy").parameters == {"checkpoint": "/policy", "seed": 7, "role_name": "ego_vehicle"}
    assert node(built, "counterfactual").parameters == {}
    assert {spec.namespace for spec in built.nodes} == {"car"}


def test_an_argument_that_was_not_given_leaves_the_params_file_in_charge():
    parameters = node(build("train"), "trainer").parameters
    assert not {"seed", "rounds", "checkpoint"} & set(parameters)
    assert {spec.params_file for spec in build("train").nodes} == {"/config/craft.yaml"}
    assert {spec.params_file for spec in build("train", params_file="/own.yaml").nodes} == {"/own.yaml"}


def test_two_stacks_get_different_ports():
    assert build("train").server.arguments != build("train").server.arguments


# ---- parameters ------------------------------------------------------------------------------------------------------


def parameters_in_file():
    """Node -> names of its parameters in config/craft.yaml, nested ones joined with dots."""
    result = {}
    for key, value in yaml.safe_load(PARAMS.read_text()).items():
        flat = {}
        for name, entry in value["ros__parameters"].items():
            flat |= {f"{name}.{k}": v for k, v in entry.items()} if isinstance(entry, dict) else {name: entry}
        result[key.rsplit("/", 1)[-1]] = flat
    return result


def declared_parameters(node_name):
    """Names that a node declares: second argument of `declare`, and fields of what `declare_dataclass` takes."""
    tree = ast.parse((ROOT / f"craft_nodes/craft_nodes/{node_name}_node.py").read_text())
    names = set()
    for call in (n for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)):
        if call.func.id == "declare":
            names.add(call.args[1].value)
        elif call.func.id == "declare_dataclass":
            kind, prefix = call.args[1].id, call.args[2].value
            owner = importlib.import_module(f"craft_nodes.{node_name}_node")
            fixed = {keyword.arg for keyword in call.keywords}
            names |= {prefix + f.name for f in fields(getattr(owner, kind)) if f.name not in fixed}
    return names


# Set by the launch arguments only: they belong to one run, not to a configuration.
OF_THE_RUN = {"host", "port", "run_dir", "world"}


@pytest.mark.parametrize("name", sorted({spec.name for s in STACKS for spec in build(s).nodes}))
def test_the_params_file_has_every_parameter_that_the_node_declares_and_no_other(name):
    assert set(parameters_in_file()[name]) == declared_parameters(name) - OF_THE_RUN


@pytest.mark.parametrize("name", STACKS)
def test_nodes_declare_every_parameter_that_the_stack_gives_them(name):
    given = {
        a.name: a.default or {"town": "t", "checkpoint": "c", "suite": "training", "remap": "a:=b"}.get(a.name, "1")
        for a in stack.ARGUMENTS[name]
    }
    for spec in build(name, **given).nodes:
        assert set(spec.parameters) <= declared_parameters(spec.name), spec.name


def test_the_params_file_explains_every_parameter():
    for line in PARAMS.read_text().splitlines():
        if re.match(r"\s+\w+: \S", line):
            assert "# " in line, line


def test_the_params_file_has_a_section_for_every_node_and_no_other():
    assert set(parameters_in_file()) == {spec.name for s in STACKS for spec in build(s).nodes}


# ---- both users ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", STACKS)
def test_the_launch_file_is_made_from_the_description(name):
    """The file calls `describe(<its name>, ...)`, and that reads stack.ARGUMENTS and stack.build."""
    tree = ast.parse((ROOT / "launch" / f"{name}.launch.py").read_text())
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and getattr(n.func, "id", "") == "describe"]
    assert [call.args[0].value for call in calls] == [name]
    source = (ROOT / "craft_nodes/craft_nodes/launching.py").read_text()
    assert "stack.ARGUMENTS[name]" in source and "stack.build(name" in source


def test_every_stack_has_its_launch_file_and_bringup_installs_them():
    assert {path.name for path in (ROOT / "launch").glob("*.py")} == {f"{name}.launch.py" for name in STACKS}
    bringup = ROOT / "ros_ws/src/craft_bringup"
    assert (bringup / "launch").resolve() == ROOT / "launch"
    assert (bringup / "config").resolve() == ROOT / "config"
    assert (ROOT / "ros_ws/src/craft_nodes").resolve() == ROOT / "craft_nodes"


@pytest.mark.parametrize("name", STACKS)
def test_the_command_offers_the_arguments_of_the_description(name):
    given = [f"--{a.name.replace('_', '-')}={a.choices[-1] if a.choices else 'x'}" for a in stack.ARGUMENTS[name]]
    options = make_parser().parse_args([name, *given])
    assert {a.name for a in stack.ARGUMENTS[name]} <= set(vars(options))


def test_a_node_gets_its_parameters_as_ros_arguments():
    spec = stack.NodeSpec(
        name="policy",
        executable="policy",
        module="craft_nodes.policy_node",
        namespace="car",
        params_file="/p.yaml",
        parameters={"checkpoint": "123", "seed": 7, "flag": True},
        remappings=(("carla/a", "/b"),),
    )
    command = launcher.node_command(spec)
    assert command.target == "craft_nodes.policy_node:main"
    assert command.arguments == (
        *("--ros-args", "--params-file", "/p.yaml"),
        *("-r", "__node:=policy", "-r", "__ns:=/car", "-r", "carla/a:=/b"),
        *("-p", "checkpoint:='123'", "-p", "seed:=7", "-p", "flag:=true"),  # '123' stays a text for rcl's YAML
    )
