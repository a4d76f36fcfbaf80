"""Launch descriptions, made from the one description of the stack. Imported by the launch files only."""

import sys
from datetime import datetime
from pathlib import Path

from launch import LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    ExecuteProcess,
    LogInfo,
    OpaqueFunction,
    RegisterEventHandler,
    SetEnvironmentVariable,
)
from launch.event_handlers import OnProcessExit
from launch.events import Shutdown
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from craft_nodes import stack


def describe(name: str, params_file: Path) -> LaunchDescription:
    """The launch description of a stack.

    Args:
        name: "train", "evaluate" or "collect".
        params_file: The parameter file that serves where the argument params_file is not given.
    """
    arguments = [
        DeclareLaunchArgument(
            argument.name,
            default_value=argument.default,
            description=argument.description,
            choices=list(argument.choices) or None,
        )
        for argument in stack.ARGUMENTS[name]
    ]

    def processes(context):
        given = {a.name: LaunchConfiguration(a.name).perform(context) for a in stack.ARGUMENTS[name]}
        run_dir = Path("runs") / f"{name}-{datetime.now():%Y%m%d-%H%M%S}"
        return _processes(stack.build(name, given, str(params_file), str(run_dir)))

    # Python buffers what it writes into a pipe; progress would arrive in lumps.
    unbuffered = SetEnvironmentVariable("PYTHONUNBUFFERED", "1")
    return LaunchDescription([*arguments, unbuffered, OpaqueFunction(function=processes)])


def _processes(what: stack.Stack) -> list:
    actions = []
    if what.server is not None:
        server = ExecuteProcess(
            cmd=[sys.executable, "-m", what.server.module, *what.server.arguments],
            name=what.server.name,
            output="log",
            additional_env=dict(what.server.env),
        )
        actions += [server, _end_with(server, what.server.name, only_failure=True)]
    for spec in what.nodes:
        node = Node(
            package="craft_nodes",
            executable=spec.executable,
            name=spec.name,
            namespace=spec.namespace,
            parameters=[spec.params_file, dict(spec.parameters)],
            remappings=list(spec.remappings),
            additional_env=dict(spec.env),
            output="screen" if spec.name == what.main else {"both": "log", "stderr": "screen"},
            emulate_tty=spec.name == what.main,
        )
        actions += [*_started(node, spec), _end_with(node, spec.name, only_failure=spec.name != what.main)]
    return actions


def _started(node: Node, spec: stack.NodeSpec) -> list:
    """Actions that start a node, at once or when the server that it needs is there."""
    if not spec.after_port:
        return [node]
    wait = ExecuteProcess(
        cmd=[
            sys.executable,
            "-m",
            "craft_nodes.waiting",
            stack.LOOPBACK,
            str(spec.after_port),
            str(stack.SERVER_PATIENCE_S),
        ],
        name=f"{spec.name}_waits_for_server",
        output="log",
    )
    start = RegisterEventHandler(
        OnProcessExit(target_action=wait, on_exit=lambda event, _: [node] if event.returncode == 0 else None)
    )
    return [start, wait, _end_with(wait, "carla_light", only_failure=True)]


def _end_with(action, name: str, only_failure: bool) -> RegisterEventHandler:
    """Ends the launch when this process ends; with `only_failure` a regular end does not matter."""

    def on_exit(event, context):
        if context.is_shutdown or (only_failure and event.returncode == 0):
            return None
        reason = f"{name} ended with exit code {event.returncode}"
        return [LogInfo(msg=reason), EmitEvent(event=Shutdown(reason=reason))]

    return RegisterEventHandler(OnProcessExit(target_action=action, on_exit=on_exit))
