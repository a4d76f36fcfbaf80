"""The one description of the stack: which processes run, with which arguments, names and parameters.

Both `ros2 launch craft_bringup train.launch.py` and `craft train` are made from it, so they cannot drift apart. Plain
Python: neither rclpy nor launch is imported here.
"""

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

LOOPBACK = "127.0.0.1"
CARLA_PORT = 2000  # where a CARLA server listens unless told otherwise
# A CARLA server listens on its port (calls) and on the next one (sensor streams).
_PORTS_OF_A_SERVER = 2
# Every node does its own scheduling; BLAS threads of eight processes would only fight for the cores.
_THREAD_LIMITS = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


class ArgumentError(ValueError):
    """An argument that cannot be used; the message names it and says what would do."""


@dataclass(frozen=True)
class Argument:
    """One argument of a stack, as a launch file declares it and as the command line offers it.

    Attributes:
        name: Its name.
        default: Its default as text; empty means "as in the params file" or "none".
        description: One sentence for people.
        choices: Values that are accepted; empty if any.
        convert: Makes the value from the text; raises ValueError.
    """

    name: str
    default: str
    description: str
    choices: tuple[str, ...] = ()
    convert: Callable[[str], object] = str


@dataclass(frozen=True)
class NodeSpec:
    """One ROS node in a process of its own.

    Attributes:
        name: Node name, and name of its log file.
        executable: Of package craft_nodes, for `ros2 run` and launch files.
        module: Python module with `main()`, the same program without an installed executable.
        namespace: ROS namespace, empty for none.
        params_file: Path of the parameter file; empty for none.
        parameters: Parameters that take precedence over the file.
        remappings: Pairs of topic names (from, to).
        env: Environment variables on top of the inherited ones.
        after_port: Start only once somebody listens on this port of the loopback address; 0: start at once.
    """

    name: str
    executable: str
    module: str
    namespace: str = ""
    params_file: str = ""
    parameters: Mapping[str, object] = field(default_factory=dict)
    remappings: tuple[tuple[str, str], ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    after_port: int = 0


@dataclass(frozen=True)
class ServerSpec:
    """The embedded simulator, an ordinary process that runs `python -m <module> <arguments>`."""

    name: str
    module: str
    arguments: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Stack:
    """Everything that runs.

    Attributes:
        nodes: The ROS nodes.
        main: Name of the node whose end is the end of the run.
        run_dir: Folder of the run, with log/ in it.
        server: The embedded simulator, if this stack starts one.
    """

    nodes: tuple[NodeSpec, ...]
    main: str
    run_dir: str
    server: ServerSpec | None = None


def _count(low: int) -> Callable[[str], int]:
    def convert(text: str) -> int:
        if not text.isdecimal() or int(text) < low:
            raise ValueError(f"give a whole number from {low} on")
        return int(text)

    return convert


def _remappings(text: str) -> tuple[tuple[str, str], ...]:
    pairs = [tuple(rule.split(":=")) for rule in text.split()]
    if any(len(pair) != 2 or not all(pair) for pair in pairs):
        raise ValueError('give rules "from:=to", separated by spaces')
    return tuple(pairs)


# Orders to drive these routes now need a world node; a running stack takes none.
_WORLD = Argument(
    "world",
    "carla_light",
    "simulator: carla_light (embedded, started with the stack) or carla (a server at host and port)",
    ("carla_light", "carla"),
)
_WORLD_OR_STACK = replace(
    _WORLD,
    description=_WORLD.description + ", or external (a running stack drives in its own; see docs/external_stack.md)",
    choices=(*_WORLD.choices, "external"),
)
_COMMON = (
    Argument("host", LOOPBACK, "address of the CARLA server; used with world carla"),
    Argument("port", "0", f"port of the server; 0: {CARLA_PORT} for carla, a free one for carla_light", (), _count(0)),
    Argument("town", "", "map name or path of an OpenDRIVE file; empty: as in the params file"),
    Argument("role_name", "hero", "role name of the ego vehicle"),
    Argument("namespace", "", "ROS namespace of all nodes; empty: none"),
    Argument(
        "remap", "", 'topics under other names: "from:=to from:=to", for every node; empty: none', (), _remappings
    ),
    Argument("params_file", "", "ROS parameter file; empty: the shipped config/craft.yaml"),
    Argument("checkpoint", "", "policy checkpoint: a folder or a shipped name; empty: as in the params file"),
    Argument("seed", "", "seed of the run; empty: as in the params file", (), _count(0)),
    Argument("run_dir", "", "folder of the run; an existing one is resumed; empty: a new one under runs/"),
)

ARGUMENTS: Mapping[str, tuple[Argument, ...]] = {
    "train": (
        _WORLD_OR_STACK,
        *_COMMON,
        Argument("rounds", "", "training rounds; empty: as in the params file", (), _count(1)),
    ),
    "evaluate": (
        _WORLD,
        *_COMMON,
        Argument("suite", "", "routes to drive: held_out or training; empty: as in the params file"),
        Argument("episodes", "", "episodes to drive; 0: every route once; empty: as in the params file", (), _count(0)),
    ),
    "collect": (
        _WORLD,
        *(a for a in _COMMON if a.name != "checkpoint"),
        Argument("episodes", "", "episodes that the expert drives; empty: as in the params file", (), _count(1)),
    ),
}

# Node that gives the orders in each stack; it ends when the work is done.
MAIN = {"train": "trainer", "evaluate": "evaluator", "collect": "collector"}
# Nodes between the world and the one that gives the orders. The collector drives by itself, with the expert.
_MIDDLE = {
    "train": ("perception", "policy", "counterfactual", "event_monitor"),
    "evaluate": ("perception", "policy", "event_monitor"),
    "collect": ("perception", "event_monitor"),
}
# Arguments that are parameters of nodes. A node gets those that were given; the others come from the params file.
_FORWARDED = {
    "world": ("town",),
    "policy": ("checkpoint", "seed"),
    "trainer": ("checkpoint", "seed", "rounds"),
    "evaluator": ("checkpoint", "seed", "suite", "episodes"),
    "collector": ("seed", "episodes"),
}
_WITHOUT_ROLE_NAME = frozenset({"counterfactual"})
# Nodes that do themselves what the world node would do for them, where a running stack has none.
_STANDING_IN = frozenset({"perception", "policy", "trainer"})
# Results of an external stack are labelled as those of the simulator that such stacks run.
_LABEL = {"carla_light": "carla_light", "carla": "carla", "external": "carla"}
SERVER_PATIENCE_S = 60.0  # until the embedded simulator must listen; it has a map to read [s]


def parse_arguments(stack: str, given: Mapping[str, str]) -> dict[str, object]:
    """All arguments of a stack with their values: converted text, or None where an empty text means "not given".

    Raises:
        ArgumentError: An unknown stack or argument, a value that cannot be converted or is not among the choices.
    """
    if stack not in ARGUMENTS:
        raise ArgumentError(f"unknown stack {stack!r}; choose one of {', '.join(ARGUMENTS)}")
    declared = {argument.name: argument for argument in ARGUMENTS[stack]}
    unknown = sorted(set(given) - set(declared))
    if unknown:
        raise ArgumentError(f"{stack}: unknown argument {', '.join(unknown)}; known are {', '.join(declared)}")
    values: dict[str, object] = {}
    for name, argument in declared.items():
        text = given.get(name, argument.default)
        if argument.choices and text not in argument.choices:
            raise ArgumentError(f"{stack}: {name} is {text!r}; choose one of {', '.join(argument.choices)}")
        try:
            values[name] = None if text == "" else argument.convert(text)
        except ValueError as error:
            raise ArgumentError(f"{stack}: {name} is {text!r}, which cannot be used; {error}") from error
    return values


def build(stack: str, given: Mapping[str, str], params_file: str, run_dir: str) -> Stack:
    """The processes of a stack.

    Args:
        stack: "train", "evaluate" or "collect".
        given: Values of arguments as text; the others have their defaults.
        params_file: ROS parameter file to use where the argument params_file is empty.
        run_dir: Folder of the run to use where the argument run_dir is empty.

    Raises:
        ArgumentError: See `parse_arguments`.
    """
    values = parse_arguments(stack, given)
    namespace, role = values["namespace"] or "", values["role_name"]
    if role is None:
        raise ArgumentError(f"{stack}: role_name is empty; give the role name of the ego vehicle, such as hero")
    params_file = values["params_file"] or params_file
    run_dir = values["run_dir"] or run_dir

    host, port, server = values["host"] or LOOPBACK, values["port"] or CARLA_PORT, None
    if values["world"] == "carla_light":
        host, port = LOOPBACK, values["port"] or free_ports(_PORTS_OF_A_SERVER)
        server = ServerSpec("carla_light", "carla_light", ("--port", str(port)), _THREAD_LIMITS)

    main = MAIN[stack]
    external = values["world"] == "external"
    nodes = []
    for name in (*(() if external else ("world",)), *_MIDDLE[stack], main):
        parameters = {key: values[key] for key in _FORWARDED.get(name, ()) if values.get(key) is not None}
        if name not in _WITHOUT_ROLE_NAME:
            parameters["role_name"] = role
        if name == "world":
            parameters |= {"host": host, "port": port}
        if external and name in _STANDING_IN:
            parameters["external_episodes"] = True
        if name == main:
            parameters |= {"run_dir": run_dir, "world": _LABEL[values["world"]]}
        nodes.append(
            NodeSpec(
                name=name,
                executable=name,
                module=f"craft_nodes.{name}_node",
                namespace=namespace,
                params_file=params_file,
                parameters=parameters,
                remappings=values["remap"] or (),
                env=_THREAD_LIMITS,
                after_port=port if server and name == "world" else 0,
            )
        )
    return Stack(tuple(nodes), main, run_dir, server)


def free_ports(count: int) -> int:
    """The first of `count` consecutive TCP ports that nobody uses on the loopback address.

    Raises:
        OSError: None was found in many attempts.
    """
    for _ in range(100):
        with socket.socket() as probe:
            probe.bind((LOOPBACK, 0))
            first = probe.getsockname()[1]
            # Above the ephemeral range no outgoing connection can take the neighbours; below, a clash is found here.
            if first + count <= 65535 and all(_is_free(first + i) for i in range(1, count)):
                return first
    raise OSError("found no free TCP ports on the loopback address; end other servers first")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
