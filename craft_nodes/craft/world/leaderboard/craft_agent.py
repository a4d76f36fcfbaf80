"""A policy of this project as an agent for the CARLA leaderboard 2.0 and Bench2Drive; see docs/bench2drive.md.

The leaderboard imports this file by its path, asks `get_entry_point` for the class, and for each route makes an agent
and calls `set_global_plan`, `setup`, `sensors`, then `run_step` at every frame, and `destroy`.
"""

import json
import os
from pathlib import Path
from typing import Any

import carla
import torch

from craft.evaluation.comfort import SAMPLE_DT_S
from craft.evaluation.quirks import Quirks
from craft.files import write_atomically
from craft.perception import ObservationBuilder
from craft.policies import DecisionMode, decide, load_policy
from craft.policies.controller import TrajectoryController
from craft.scene import EgoField
from craft.scene.timing import FRAME_DT_S, FRAMES_PER_DECISION
from craft.world.hero import Hero
from craft.world.leaderboard_plan import route_from_plan

try:
    from leaderboard.autoagents.autonomous_agent import AutonomousAgent, Track
except ImportError:  # without a leaderboard the class stands alone
    AutonomousAgent, Track = object, None

SPEEDOMETER = "speed"  # id of the one sensor: it tells which frame it is
SAVE_PATH = "SAVE_PATH"  # variable of Bench2Drive: the folder for what its scripts read
QUIRKS = "CRAFT_QUIRKS"  # variable: "bench2drive" writes every frame, as Bench2Drive's agents do


def get_entry_point() -> str:
    """Name of the agent's class."""
    return "CraftAgent"


class CraftAgent(AutonomousAgent):
    """Drives with the top-1 of a policy, a decision every 5 frames, and the controller of training at every frame.

    The policy sees what it saw in training: road users, lights and map as the server tells them. That is privileged
    perception, and a score made with it says so.

    Args:
        carla_host, carla_port: Of the server.
        debug: Not used.
    """

    def __init__(self, carla_host: str, carla_port: int, debug: bool = False):
        if AutonomousAgent is not object:
            super().__init__(carla_host, carla_port, debug)
        self.track = Track.SENSORS if Track else "SENSORS"
        self._address = carla_host, carla_port
        self._hero: Hero | None = None
        self._builder: ObservationBuilder | None = None
        self._count = 0
        self._last_s = -1.0
        self._control = (0.0, 0.0, 1.0)  # throttle, steer, brake
        self._motion: dict[str, Any] = {}
        self._motion_path: Path | None = None

    @staticmethod
    def get_ros_version() -> int:
        """No ROS on this side."""
        return -1

    def set_global_plan(self, global_plan_gps, global_plan_world_coord) -> None:
        """Take the route: (carla.Transform, road option), about 1 m apart."""
        if AutonomousAgent is not object:
            super().set_global_plan(global_plan_gps, global_plan_world_coord)
        self._route = route_from_plan(global_plan_world_coord)

    def setup(self, path_to_conf_file: str) -> None:
        """Load the checkpoint, and connect to the server.

        Args:
            path_to_conf_file: Checkpoint folder. Bench2Drive appends "+" and the name under which the route is saved.

        Raises:
            ValueError: The checkpoint cannot be used.
        """
        checkpoint, _, names = path_to_conf_file.partition("+")
        torch.set_num_threads(1)
        self._policy = load_policy(checkpoint)
        self._controller = TrajectoryController()
        self._hero = Hero(*self._address)  # now, because a new client sees nothing before the next tick
        quirks = Quirks(os.environ.get(QUIRKS, Quirks.NONE.value))
        self._motion_every = 1 if quirks is Quirks.BENCH2DRIVE else round(SAMPLE_DT_S / FRAME_DT_S)
        folder = os.environ.get(SAVE_PATH)
        if folder and names:
            self._motion_path = Path(folder) / names.split("+")[-1] / "metric_info.json"

    def sensors(self) -> list[dict[str, Any]]:
        """The speedometer alone."""
        return [{"type": "sensor.speedometer", "reading_frequency": round(1.0 / FRAME_DT_S), "id": SPEEDOMETER}]

    def run_step(self, input_data: dict[str, tuple[int, Any]], timestamp: float) -> carla.VehicleControl:
        """The control of a frame.

        Args:
            input_data: Sensor -> (frame, data).
            timestamp: Simulation time [s].
        """
        if timestamp > self._last_s:  # asked twice about one frame, it gives the same answer
            self._last_s = timestamp
            self._control = self._drive(max((frame for frame, _ in input_data.values()), default=None), timestamp)
        throttle, steer, brake = self._control
        return carla.VehicleControl(throttle=throttle, steer=steer, brake=brake)

    def destroy(self) -> None:
        """Write what was recorded of the route. The world belongs to the leaderboard."""
        if self._motion_path is not None and self._motion:
            write_atomically(self._motion_path, (json.dumps(self._motion) + "\n").encode())
        self._hero = None

    def _drive(self, number: int | None, stamp_s: float) -> tuple[float, float, float]:
        if self._builder is None:
            self._hero.find()
            self._builder = ObservationBuilder(self._hero.road, *self._hero.half_size)
            self._builder.begin(1, self._route, stamp_s)
        frame = self._hero.frame(stamp_s, number, *self._control)
        observation = self._builder.observe(frame)
        if self._motion_path is not None and self._count % self._motion_every == 0:
            self._motion[str(self._count)] = self._hero.motion()
        pose, speed = (frame.odometry.x, frame.odometry.y, frame.odometry.yaw), frame.odometry.vx
        if self._count % FRAMES_PER_DECISION == 0:
            pose, speed = tuple(map(float, observation.ego[: EgoField.YAW + 1])), float(observation.ego[EgoField.SPEED])
            trajectory = decide(self._policy, observation, DecisionMode.TOP_1, seed=0).trajectory.numpy()
            self._plan = trajectory, pose, stamp_s
        self._count += 1
        trajectory, origin, decided_s = self._plan
        return self._controller.follow(trajectory, origin, pose, stamp_s - decided_s, speed)
