"""World: the CARLA side of the stack and the only one that ticks. Drives the episodes that it is ordered to.

Lockstep: a frame is published, and the next tick happens only after a control command with that frame's stamp has
arrived, or after `control_timeout`. A late or repeated command is dropped and counted, never applied silently.
"""

import os
import sys
import time

import rclpy.node
from carla_msgs.msg import (
    CarlaCollisionEvent,
    CarlaEgoVehicleControl,
    CarlaEgoVehicleStatus,
    CarlaTrafficLightInfoList,
    CarlaTrafficLightStatusList,
    CarlaWorldInfo,
)
from craft_msgs.msg import EpisodeEnd, EpisodeStart, Phase, PhaseStatus
from derived_object_msgs.msg import ObjectArray
from nav_msgs.msg import Odometry, Path
from rosgraph_msgs.msg import Clock

from craft.perception.inputs import WorldFrame
from craft.scene.timing import FRAMES_PER_DECISION
from craft.world.connection import WorldError
from craft.world.routes import RouteSpec, load_suite
from craft.world.schedule import schedule
from craft.world.simulation import Simulation, WorldConfig
from craft_nodes import messages, qos, topics
from craft_nodes.diagnostics import Health
from craft_nodes.execution import make_executor
from craft_nodes.parameters import declare, refuse_unknown
from craft_nodes.running import run

_ANNOUNCE_S = 5.0  # the first frame of an episode is published again after so long without an answer [s]
_LAST_WORDS_S = 0.2  # for the last message to leave, before the process ends without ceremony [s]


class WorldNode(rclpy.node.Node):
    """Owns the simulation; publishes what carla-ros-bridge would, and reports how far its order is done."""

    def __init__(self):
        super().__init__("world")
        self._role = role = declare(self, "role_name", "hero", "role name of the ego vehicle")
        self._worker = declare(self, "worker", 0, "number of the simulator", low=0, high=65535)
        config = WorldConfig(
            host=declare(self, "host", "127.0.0.1", "address of the CARLA server"),
            port=declare(self, "port", 2000, "port of the CARLA server", low=1, high=65533),
            town=declare(self, "town", "craft_town", "name of the map, or the path of an OpenDRIVE file"),
            background_vehicles=declare(
                self, "background_vehicles", 10, "cars of the Traffic Manager", low=0, high=500
            ),
        )
        self._timeout = declare(
            self, "control_timeout", 20.0, "wall time to wait for a control command [s]", low=0.01, high=600.0
        )
        suites = {
            "training": declare(self, "training_routes", "training", "training suite: a name or a path"),
            "held_out": declare(self, "held_out_routes", "held_out", "held-out suite: a name or a path"),
        }
        refuse_unknown(self)
        self._routes = {name: load_suite(path) for name, path in suites.items()}
        self.health = Health(self)
        self._order: Phase | None = None
        self._control: CarlaEgoVehicleControl | None = None
        self._stamp = None  # of the frame that waits for its control
        self._dropped_before = 0  # commands dropped before the present phase
        self._lights_published: dict[int, int] | None = None
        self._objects_to_msg = messages.ObjectArrayWriter(role)

        pub = self.create_publisher
        self._clock_topic = pub(Clock, topics.CLOCK, qos.SENSOR)
        self._light_status = pub(CarlaTrafficLightStatusList, topics.LIGHT_STATUS, qos.LATCHED)
        self._light_info = pub(CarlaTrafficLightInfoList, topics.LIGHT_INFO, qos.LATCHED)
        self._world_info = pub(CarlaWorldInfo, topics.WORLD_INFO, qos.LATCHED)
        self._route = pub(Path, topics.ego(role, "waypoints"), qos.LATCHED)
        self._collision = pub(CarlaCollisionEvent, topics.ego(role, "collision"), qos.SENSOR)
        self._objects = pub(ObjectArray, topics.ego(role, "objects"), qos.SENSOR)
        self._vehicle_status = pub(CarlaEgoVehicleStatus, topics.ego(role, "vehicle_status"), qos.SENSOR)
        self._odometry = pub(Odometry, topics.ego(role, "odometry"), qos.SENSOR)
        self._start = pub(EpisodeStart, topics.EPISODE_START, qos.LATCHED)
        self._end = pub(EpisodeEnd, topics.EPISODE_END, qos.RECORD)
        self._phase_status = pub(PhaseStatus, topics.PHASE_STATUS, qos.LATCHED)
        self.create_subscription(Phase, topics.PHASE, self._on_order, qos.LATCHED)
        self.create_subscription(
            CarlaEgoVehicleControl, topics.ego(role, "vehicle_control_cmd"), self._on_control, qos.COMMAND
        )
        self._executor = make_executor(self)

        self._simulation = Simulation(config)
        info = CarlaWorldInfo(map_name=self._simulation.town, opendrive=self._simulation.opendrive)
        self._world_info.publish(info)
        self._light_info.publish(messages.light_boxes_to_msg(self._simulation.light_boxes))

    def close(self):
        """Leave the server as it was found."""
        self._simulation.close()

    # ---- orders ---------------------------------------------------------------------------------------------------

    def _on_order(self, msg: Phase):
        if self._order is None or msg.phase > self._order.phase:
            self._order = msg

    def work(self) -> int:
        """Carry out one order after the other until told to finish."""
        done = 0
        while rclpy.ok():
            self._executor.spin_once(timeout_sec=0.5)
            order = self._order
            if order is None or order.phase == done:
                continue
            done = order.phase
            self._dropped_before = self._controls_dropped()
            if order.mode == Phase.FINISH:
                return 0
            report = PhaseStatus(worker=self._worker, phase=order.phase, mode=order.mode)
            try:
                if order.mode != Phase.PAUSE:
                    self._carry_out(order, report)
            except (WorldError, ValueError) as error:
                report.error = str(error)
                self.health.error(report.error)
                self._report(report)
                if isinstance(error, WorldError):
                    _leave_at_once()
                return 1
            report.complete = True
            self._report(report)
        return 0

    def _report(self, report: PhaseStatus):
        report.header.stamp = self.get_clock().now().to_msg()
        report.control_dropped = self._controls_dropped() - self._dropped_before
        self._phase_status.publish(report)

    def _controls_dropped(self) -> int:
        return sum(n for reason, n in self.health.drops.items() if reason.startswith("control"))

    def _carry_out(self, order: Phase, report: PhaseStatus):
        evaluation = order.mode == Phase.EVALUATE
        if order.suite not in self._routes:
            raise ValueError(f"phase {order.phase} asks for suite {order.suite!r}; known are {', '.join(self._routes)}")
        routes = self._routes[order.suite]
        if evaluation:
            report.episodes_planned = order.episodes or len(routes)
        begin = time.monotonic()
        for spec, seed in schedule(routes, order.seed, in_order=evaluation):
            enough = (
                report.episodes >= report.episodes_planned
                if evaluation
                else order.decisions and report.decisions >= order.decisions
            )
            if enough or self._order.phase != order.phase:
                break
            start = EpisodeStart(
                worker=self._worker,
                episode=order.first_episode + report.episodes,
                phase=order.phase,
                evaluation=evaluation,
                suite=order.suite,
                route_id=spec.id,
                scenario=spec.scenario,
                town=spec.town,
                seed=seed,
            )
            report.episodes += 1
            self._drive(start, spec, order, report)
            report.wall_time = time.monotonic() - begin
            self._report(report)

    # ---- one episode ----------------------------------------------------------------------------------------------

    def _drive(self, start: EpisodeStart, spec: RouteSpec, order: Phase, report: PhaseStatus):
        simulation = self._simulation
        route, frame = simulation.begin(spec, start.episode, start.seed)
        start.header.stamp = messages.to_time(frame.stamp_s)
        start.route_length = route.length_m
        self._route.publish(messages.route_to_msg(route, start.header.stamp))
        self._start.publish(start)
        self._publish(frame)
        count = 0
        while True:
            control = self._wait_for_control(report, announce=frame if count == 0 else None)
            if count % FRAMES_PER_DECISION == 0:
                report.decisions += 1
            begin = time.perf_counter()
            frame = simulation.tick(control.throttle, control.steer, control.brake)
            self.health.took(time.perf_counter() - begin)
            count += 1
            report.frames += 1
            full = order.decisions and report.decisions >= order.decisions and count % FRAMES_PER_DECISION == 0
            revoked = self._order.phase != order.phase
            outcome = simulation.outcome
            if outcome is None and (full or revoked):
                outcome = simulation.truncate()
            if outcome is not None:
                end = EpisodeEnd(worker=self._worker, episode=start.episode, phase=start.phase, status=outcome.status)
                end.header.stamp = messages.to_time(frame.stamp_s)
                end.route_completion, end.driven = outcome.route_completion, outcome.driven_m
                end.duration, end.truncated = outcome.duration_s, outcome.truncated
                self._end.publish(end)
            self._publish(frame)
            if outcome is not None:
                break
        self._stamp = None
        simulation.end()

    def _publish(self, frame: WorldFrame):
        """Everything of one frame; the odometry last, it is what starts the others."""
        stamp = messages.to_time(frame.stamp_s)
        self._stamp, self._control = stamp, None
        self._clock_topic.publish(Clock(clock=stamp))
        if frame.lights != self._lights_published:
            self._light_status.publish(messages.lights_to_msg(frame.lights))
            self._lights_published = frame.lights
        for collision in frame.collisions:
            self._collision.publish(messages.collision_to_msg(collision, self._role))
        self._objects.publish(self._objects_to_msg(frame.objects))
        self._vehicle_status.publish(messages.status_to_msg(frame.status, frame.odometry, self._role))
        self._odometry.publish(messages.odometry_to_msg(frame.odometry, self._role))

    # ---- control --------------------------------------------------------------------------------------------------

    def _on_control(self, msg: CarlaEgoVehicleControl):
        if self._stamp is not None and msg.header.stamp == self._stamp and self._control is None:
            self._control = msg
        else:
            repeated = self._control is not None and msg.header.stamp == self._stamp
            self.health.dropped("control repeated" if repeated else "control for another frame")

    def _wait_for_control(self, report: PhaseStatus, announce: WorldFrame | None) -> CarlaEgoVehicleControl:
        """The command for the published frame; after `control_timeout` a full brake, counted.

        `announce`: this frame is published again every _ANNOUNCE_S meanwhile, because what is sent before two processes
        have discovered each other is lost.
        """
        begin = last = time.monotonic()
        while self._control is None:
            self._executor.spin_once(timeout_sec=0.2)
            now = time.monotonic()
            if self._control is None and now - begin > self._timeout:
                report.control_timeouts += 1
                self.health.dropped("no control in time")
                return CarlaEgoVehicleControl(brake=1.0)
            if self._control is None and announce is not None and now - last > _ANNOUNCE_S:
                last = now
                self._publish(announce)
        return self._control


def _leave_at_once():
    """End the process as it is: in a regular end the Traffic Manager's threads meet the lost server and abort it."""
    time.sleep(_LAST_WORDS_S)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)


def main():
    """Entry point of `ros2 run craft_nodes world`."""
    run(WorldNode, WorldNode.work)
