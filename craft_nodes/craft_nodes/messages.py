"""Conversion between messages and the arrays of `craft`, both ways. No other module fills or reads message fields.

Flat float32 sequences are filled from `array.array` and read with `numpy.frombuffer`: element-wise access would be
most of the cost of a frame.
"""

import array
import math

import numpy as np
from builtin_interfaces.msg import Time
from carla_msgs.msg import (
    CarlaCollisionEvent,
    CarlaEgoVehicleControl,
    CarlaEgoVehicleStatus,
    CarlaTrafficLightInfo,
    CarlaTrafficLightInfoList,
    CarlaTrafficLightStatus,
    CarlaTrafficLightStatusList,
)
from craft_msgs.msg import CandidateReturns as CandidateReturnsMsg
from craft_msgs.msg import CandidateSet as CandidateSetMsg
from craft_msgs.msg import Decision as DecisionMsg
from craft_msgs.msg import EpisodeRecord as EpisodeRecordMsg
from craft_msgs.msg import GroundedReward as GroundedRewardMsg
from craft_msgs.msg import InteractionEvent
from craft_msgs.msg import Observation as ObservationMsg
from craft_msgs.msg import RoadMap as RoadMapMsg
from derived_object_msgs.msg import Object, ObjectArray
from geometry_msgs.msg import PoseStamped
from nav_msgs.msg import Odometry as OdometryMsg
from nav_msgs.msg import Path
from shape_msgs.msg import SolidPrimitive

from craft.events import EpisodeRecord, Event, EventKind, GroundedReward
from craft.perception.inputs import Collision, Odometry, TrackedObjects, VehicleStatus
from craft.scene import AgentKind, Observation, RoadMap, Route
from craft.scene.light_box import LightBox
from craft.scene.timing import FRAMES_PER_DECISION
from craft.training.transition import DecisionPart, ReturnsPart, RewardPart, StepKey

MAP_FRAME = "map"

# derived_object_msgs/Object.classification <-> AgentKind
_CLASSIFICATION = {
    AgentKind.VEHICLE: Object.CLASSIFICATION_CAR,
    AgentKind.BICYCLE: Object.CLASSIFICATION_BIKE,
    AgentKind.WALKER: Object.CLASSIFICATION_PEDESTRIAN,
}
_KIND = {
    Object.CLASSIFICATION_PEDESTRIAN: AgentKind.WALKER,
    Object.CLASSIFICATION_BIKE: AgentKind.BICYCLE,
    Object.CLASSIFICATION_MOTORCYCLE: AgentKind.BICYCLE,
}


# ---- scalars and arrays ------------------------------------------------------------------------------------------


def to_time(stamp_s: float) -> Time:
    """Seconds as a builtin_interfaces/Time, rounded to nanoseconds."""
    nanoseconds = round(stamp_s * 1e9)
    return Time(sec=nanoseconds // 10**9, nanosec=nanoseconds % 10**9)


def from_time(stamp: Time) -> float:
    """A builtin_interfaces/Time in seconds."""
    return (stamp.sec * 10**9 + stamp.nanosec) / 1e9


def floats(values: np.ndarray) -> array.array:
    """An array as a flat float32 sequence field."""
    return array.array("f", np.ascontiguousarray(values, np.float32).tobytes())


def flags(values: np.ndarray) -> array.array:
    """A bool or uint8 array as a flat uint8 sequence field."""
    return array.array("B", np.ascontiguousarray(values, np.uint8).tobytes())


def _int64s(values: np.ndarray) -> array.array:
    return array.array("q", np.ascontiguousarray(values, np.int64).tobytes())


def from_floats(field, shape: tuple[int, ...], name: str) -> np.ndarray:
    """A flat float32 sequence field as an array of the given shape.

    Raises:
        ValueError: The field has another number of values; names the field.
    """
    return _shaped(np.frombuffer(field, np.float32), shape, name)


def from_flags(field, count: int, name: str) -> np.ndarray:
    """A flat uint8 sequence field as a bool array of the given length (ValueError as in `from_floats`)."""
    return _shaped(np.frombuffer(field, np.uint8), (count,), name).astype(bool)


def _shaped(values: np.ndarray, shape: tuple[int, ...], name: str) -> np.ndarray:
    if values.size != math.prod(shape):
        raise ValueError(f"{name} has {values.size} values, its dimensions {list(shape)} say {math.prod(shape)}")
    return values.reshape(shape)


def _set_orientation(orientation, yaw: float) -> None:
    orientation.z, orientation.w = math.sin(yaw / 2), math.cos(yaw / 2)


def _yaw(q) -> float:
    return math.atan2(2 * (q.w * q.z + q.x * q.y), 1 - 2 * (q.y * q.y + q.z * q.z))


# ---- carla-ros-bridge: the ego vehicle ---------------------------------------------------------------------------


def odometry_to_msg(odometry: Odometry, role_name: str) -> OdometryMsg:
    """nav_msgs/Odometry: pose in the map frame, twist in the body frame, as the bridge publishes it."""
    msg = OdometryMsg()
    msg.header.stamp = to_time(odometry.stamp_s)
    msg.header.frame_id, msg.child_frame_id = MAP_FRAME, role_name
    pose, twist = msg.pose.pose, msg.twist.twist
    pose.position.x, pose.position.y = odometry.x, odometry.y
    _set_orientation(pose.orientation, odometry.yaw)
    twist.linear.x, twist.linear.y, twist.angular.z = odometry.vx, odometry.vy, odometry.yaw_rate
    return msg


def odometry_from_msg(msg: OdometryMsg) -> Odometry:
    """Inverse of `odometry_to_msg`."""
    pose, twist = msg.pose.pose, msg.twist.twist
    return Odometry(
        stamp_s=from_time(msg.header.stamp),
        x=pose.position.x,
        y=pose.position.y,
        yaw=_yaw(pose.orientation),
        vx=twist.linear.x,
        vy=twist.linear.y,
        yaw_rate=twist.angular.z,
    )


def status_to_msg(status: VehicleStatus, odometry: Odometry, role_name: str) -> CarlaEgoVehicleStatus:
    """carla_msgs/CarlaEgoVehicleStatus; the acceleration is in the MAP frame, as the bridge has it."""
    msg = CarlaEgoVehicleStatus()
    msg.header.stamp = to_time(status.stamp_s)
    msg.header.frame_id = role_name
    msg.velocity = math.hypot(odometry.vx, odometry.vy)
    msg.acceleration.linear.x = status.acceleration * math.cos(odometry.yaw)
    msg.acceleration.linear.y = status.acceleration * math.sin(odometry.yaw)
    _set_orientation(msg.orientation, odometry.yaw)
    msg.control.throttle, msg.control.steer, msg.control.brake = status.throttle, status.steer, status.brake
    return msg


def status_from_msg(msg: CarlaEgoVehicleStatus) -> VehicleStatus:
    """Inverse of `status_to_msg`: the acceleration projected onto the heading that comes with it."""
    yaw, acceleration = _yaw(msg.orientation), msg.acceleration.linear
    return VehicleStatus(
        stamp_s=from_time(msg.header.stamp),
        acceleration=acceleration.x * math.cos(yaw) + acceleration.y * math.sin(yaw),
        throttle=msg.control.throttle,
        steer=msg.control.steer,
        brake=msg.control.brake,
    )


def control_to_msg(stamp: Time, throttle: float, steer: float, brake: float) -> CarlaEgoVehicleControl:
    """carla_msgs/CarlaEgoVehicleControl for the frame with this stamp."""
    msg = CarlaEgoVehicleControl(throttle=float(throttle), steer=float(steer), brake=float(brake))
    msg.header.stamp = stamp
    return msg


def collision_to_msg(collision: Collision, role_name: str) -> CarlaCollisionEvent:
    """carla_msgs/CarlaCollisionEvent; only the length of the impulse is known here, it is put on x."""
    msg = CarlaCollisionEvent(other_actor_id=collision.other_id)
    msg.header.stamp = to_time(collision.stamp_s)
    msg.header.frame_id = role_name
    msg.normal_impulse.x = collision.impulse
    return msg


def collision_from_msg(msg: CarlaCollisionEvent) -> Collision:
    """Inverse of `collision_to_msg`."""
    i = msg.normal_impulse
    return Collision(from_time(msg.header.stamp), msg.other_actor_id, math.sqrt(i.x**2 + i.y**2 + i.z**2))


# ---- carla-ros-bridge: everything else ---------------------------------------------------------------------------


class ObjectArrayWriter:
    """TrackedObjects -> derived_object_msgs/ObjectArray; reuses the message objects, creating them is slow.

    As the bridge does, twist and accel are given in the map frame.
    """

    def __init__(self, role_name: str):
        self._array = ObjectArray()
        self._array.header.frame_id = MAP_FRAME
        self._pool: list[Object] = []
        self._role_name = role_name

    def __call__(self, objects: TrackedObjects) -> ObjectArray:
        """The message; valid until the next call."""
        while len(self._pool) < len(objects.ids):
            self._pool.append(self._blank())
        stamp = to_time(objects.stamp_s)
        self._array.header.stamp = stamp
        rows = zip(
            self._pool,
            objects.ids.tolist(),
            objects.kinds.tolist(),
            objects.poses.tolist(),
            objects.velocities.tolist(),
            objects.yaw_rates.tolist(),
            objects.accelerations.tolist(),
            objects.half_sizes.tolist(),
            strict=False,
        )
        for msg, actor, kind, pose, velocity, yaw_rate, acceleration, half in rows:
            msg.header.stamp = stamp
            msg.id = actor
            msg.classification = _CLASSIFICATION[kind]
            msg.pose.position.x, msg.pose.position.y, yaw = pose
            _set_orientation(msg.pose.orientation, yaw)
            msg.twist.linear.x, msg.twist.linear.y = velocity
            msg.twist.angular.z = yaw_rate
            msg.accel.linear.x, msg.accel.linear.y = acceleration
            dimensions = msg.shape.dimensions
            dimensions[0], dimensions[1] = 2 * half[0], 2 * half[1]
        self._array.objects = self._pool[: len(objects.ids)]
        return self._array

    @staticmethod
    def _blank() -> Object:
        msg = Object(detection_level=Object.OBJECT_TRACKED, object_classified=True, classification_certainty=255)
        msg.header.frame_id = MAP_FRAME
        msg.shape.type = SolidPrimitive.BOX
        msg.shape.dimensions = [0.0, 0.0, 1.5]
        return msg


def objects_from_msg(msg: ObjectArray) -> TrackedObjects:
    """Inverse of `ObjectArrayWriter`; classes other than people and two-wheelers count as vehicles."""
    n = len(msg.objects)
    ids, kinds = np.zeros(n, np.int64), np.zeros(n, np.uint8)
    rows = np.zeros((n, 10))
    for i, o in enumerate(msg.objects):
        position, q, linear, accel = o.pose.position, o.pose.orientation, o.twist.linear, o.accel.linear
        size = o.shape.dimensions
        ids[i], kinds[i] = o.id, _KIND.get(o.classification, AgentKind.VEHICLE)
        rows[i] = (
            *(position.x, position.y, _yaw(q), linear.x, linear.y, o.twist.angular.z, accel.x, accel.y),
            *(size[0] / 2, size[1] / 2),
        )
    return TrackedObjects(
        stamp_s=from_time(msg.header.stamp),
        ids=ids,
        kinds=kinds,
        poses=rows[:, 0:3].copy(),
        velocities=rows[:, 3:5].copy(),
        yaw_rates=rows[:, 5].copy(),
        accelerations=rows[:, 6:8].copy(),
        half_sizes=rows[:, 8:10].copy(),
    )


def lights_to_msg(lights: dict[int, int]) -> CarlaTrafficLightStatusList:
    """carla_msgs/CarlaTrafficLightStatusList, sorted by id."""
    return CarlaTrafficLightStatusList(
        traffic_lights=[CarlaTrafficLightStatus(id=i, state=int(s)) for i, s in sorted(lights.items())]
    )


def lights_from_msg(msg: CarlaTrafficLightStatusList) -> dict[int, int]:
    """Inverse of `lights_to_msg`."""
    return {light.id: light.state for light in msg.traffic_lights}


def light_boxes_to_msg(boxes: list[LightBox]) -> CarlaTrafficLightInfoList:
    """carla_msgs/CarlaTrafficLightInfoList; the transform is put at the centre of the trigger volume."""
    msg = CarlaTrafficLightInfoList()
    for box in boxes:
        info = CarlaTrafficLightInfo(id=box.id)
        info.transform.position.x, info.transform.position.y = box.x, box.y
        _set_orientation(info.transform.orientation, box.yaw)
        size = info.trigger_volume.size
        size.x, size.y, size.z = 2 * box.half_x, 2 * box.half_y, 2.0
        msg.traffic_lights.append(info)
    return msg


def light_boxes_from_msg(msg: CarlaTrafficLightInfoList) -> list[LightBox]:
    """The trigger volumes in the map frame; their centres are given relative to the light's transform."""
    boxes = []
    for info in msg.traffic_lights:
        yaw, origin, centre = _yaw(info.transform.orientation), info.transform.position, info.trigger_volume.center
        boxes.append(
            LightBox(
                id=info.id,
                x=origin.x + math.cos(yaw) * centre.x - math.sin(yaw) * centre.y,
                y=origin.y + math.sin(yaw) * centre.x + math.cos(yaw) * centre.y,
                yaw=yaw,
                half_x=info.trigger_volume.size.x / 2,
                half_y=info.trigger_volume.size.y / 2,
            )
        )
    return boxes


def route_to_msg(route: Route, stamp: Time) -> Path:
    """nav_msgs/Path in the map frame, as carla_waypoint_publisher gives it."""
    msg = Path()
    msg.header.stamp, msg.header.frame_id = stamp, MAP_FRAME
    for (x, y), yaw in zip(route.points.tolist(), route.yaw.tolist(), strict=True):
        pose = PoseStamped()
        pose.header = msg.header
        pose.pose.position.x, pose.pose.position.y = x, y
        _set_orientation(pose.pose.orientation, yaw)
        msg.poses.append(pose)
    return msg


def route_from_msg(msg: Path) -> Route:
    """Inverse of `route_to_msg`."""
    poses = [p.pose for p in msg.poses]
    return Route(
        points=np.array([(p.position.x, p.position.y) for p in poses], np.float64).reshape(-1, 2),
        yaw=np.array([_yaw(p.orientation) for p in poses], np.float64),
    )


# ---- craft_msgs --------------------------------------------------------------------------------------------------


def road_map_to_msg(road: RoadMap) -> RoadMapMsg:
    """craft_msgs/RoadMap."""
    msg = RoadMapMsg(
        town=road.name,
        quad_count=len(road.quads),
        stop_count=len(road.stop_lines),
        crosswalk_count=len(road.crosswalks),
    )
    msg.header.frame_id = MAP_FRAME
    msg.quads, msg.quad_yaw = floats(road.quads), floats(road.quad_yaw)
    msg.quad_kind, msg.quad_junction = flags(road.quad_kind), flags(road.quad_junction)
    msg.quad_lane = array.array("i", road.quad_lane.tobytes())
    msg.quad_speed_limit = floats(road.quad_speed_limit)
    msg.stop_lines, msg.stop_yaw = floats(road.stop_lines), floats(road.stop_yaw)
    msg.stop_kind, msg.stop_id = flags(road.stop_kind), _int64s(road.stop_id)
    msg.crosswalks = floats(road.crosswalks)
    return msg


def road_map_from_msg(msg: RoadMapMsg) -> RoadMap:
    """Inverse of `road_map_to_msg`; ValueError names an array whose length does not fit the counts."""
    q, s, c = msg.quad_count, msg.stop_count, msg.crosswalk_count
    return RoadMap(
        name=msg.town,
        quads=from_floats(msg.quads, (q, 4, 2), "RoadMap.quads"),
        quad_kind=_shaped(np.frombuffer(msg.quad_kind, np.uint8), (q,), "RoadMap.quad_kind"),
        quad_yaw=from_floats(msg.quad_yaw, (q,), "RoadMap.quad_yaw"),
        quad_lane=_shaped(np.frombuffer(msg.quad_lane, np.int32), (q,), "RoadMap.quad_lane"),
        quad_junction=from_flags(msg.quad_junction, q, "RoadMap.quad_junction"),
        quad_speed_limit=from_floats(msg.quad_speed_limit, (q,), "RoadMap.quad_speed_limit"),
        stop_lines=from_floats(msg.stop_lines, (s, 2, 2), "RoadMap.stop_lines"),
        stop_yaw=from_floats(msg.stop_yaw, (s,), "RoadMap.stop_yaw"),
        stop_kind=_shaped(np.frombuffer(msg.stop_kind, np.uint8), (s,), "RoadMap.stop_kind"),
        stop_id=_shaped(np.frombuffer(msg.stop_id, np.int64), (s,), "RoadMap.stop_id"),
        crosswalks=from_floats(msg.crosswalks, (c, 4, 2), "RoadMap.crosswalks"),
    )


def observation_to_msg(observation: Observation, worker: int, role_name: str) -> ObservationMsg:
    """craft_msgs/Observation."""
    o, msg = observation, ObservationMsg(worker=worker, episode=observation.episode, frame=observation.frame)
    msg.header.stamp, msg.header.frame_id = to_time(o.stamp_s), role_name
    msg.ego = o.ego
    (msg.agent_rows, msg.agent_columns), msg.agents = o.agents.shape, floats(o.agents)
    (msg.route_rows, msg.route_columns), msg.route = o.route.shape, floats(o.route)
    (msg.stop_rows, msg.stop_columns), msg.stop_lines = o.stop_lines.shape, floats(o.stop_lines)
    msg.agent_valid, msg.agent_id = flags(o.agent_valid), _int64s(o.agent_id)
    msg.route_valid = flags(o.route_valid)
    msg.stop_valid, msg.stop_id = flags(o.stop_valid), _int64s(o.stop_id)
    msg.route_progress, msg.route_length = float(o.route_progress_m), float(o.route_length_m)
    msg.route_offset = float(o.route_offset_m)
    return msg


def observation_from_msg(msg: ObservationMsg) -> Observation:
    """Inverse of `observation_to_msg`; ValueError names an array that does not fit its dimensions."""
    a, r, s = msg.agent_rows, msg.route_rows, msg.stop_rows
    return Observation(
        stamp_s=from_time(msg.header.stamp),
        episode=msg.episode,
        frame=msg.frame,
        ego=np.array(msg.ego, np.float32),
        agents=from_floats(msg.agents, (a, msg.agent_columns), "Observation.agents"),
        agent_valid=from_flags(msg.agent_valid, a, "Observation.agent_valid"),
        agent_id=_shaped(np.frombuffer(msg.agent_id, np.int64), (a,), "Observation.agent_id"),
        route=from_floats(msg.route, (r, msg.route_columns), "Observation.route"),
        route_valid=from_flags(msg.route_valid, r, "Observation.route_valid"),
        stop_lines=from_floats(msg.stop_lines, (s, msg.stop_columns), "Observation.stop_lines"),
        stop_valid=from_flags(msg.stop_valid, s, "Observation.stop_valid"),
        stop_id=_shaped(np.frombuffer(msg.stop_id, np.int64), (s,), "Observation.stop_id"),
        route_progress_m=msg.route_progress,
        route_length_m=msg.route_length,
        route_offset_m=msg.route_offset,
    )


def vocabulary_to_msg(trajectories: np.ndarray, valid: np.ndarray, dt_s: float, sha256: str) -> CandidateSetMsg:
    """craft_msgs/CandidateSet for trajectories [G, T, 3]."""
    msg = CandidateSetMsg(sha256=sha256, candidates=trajectories.shape[0], steps=trajectories.shape[1], dt=dt_s)
    msg.trajectories, msg.valid = floats(trajectories), flags(valid)
    return msg


def vocabulary_from_msg(msg: CandidateSetMsg) -> tuple[np.ndarray, np.ndarray]:
    """(trajectories float32 [G, T, 3], valid bool [G])."""
    shape = (msg.candidates, msg.steps, 3)
    return (
        from_floats(msg.trajectories, shape, "CandidateSet.trajectories"),
        from_flags(msg.valid, msg.candidates, "CandidateSet.valid"),
    )


def event_to_msg(event: Event, frame: ObservationMsg) -> InteractionEvent:
    """craft_msgs/InteractionEvent, seen in this frame."""
    msg = InteractionEvent(worker=frame.worker, episode=frame.episode, kind=int(event.kind), detail=event.detail)
    msg.header.stamp, msg.header.frame_id = to_time(event.stamp_s), MAP_FRAME
    msg.step = max(frame.frame - 1, 0) // FRAMES_PER_DECISION
    msg.other_id, msg.x, msg.y = int(event.other_id), float(event.x), float(event.y)
    return msg


def reward_to_msg(reward: GroundedReward, last_frame: ObservationMsg, step: int) -> GroundedRewardMsg:
    """craft_msgs/GroundedReward of the decision `step`, executed up to this frame."""
    msg = GroundedRewardMsg(worker=last_frame.worker, episode=last_frame.episode, step=step)
    msg.header = last_frame.header
    msg.reward, msg.progress = float(reward.reward), float(reward.progress_m)
    msg.events = [int(kind) for kind in reward.events]
    return msg


def record_to_msg(record: EpisodeRecord) -> EpisodeRecordMsg:
    """craft_msgs/EpisodeRecord without header, worker, phase and suite."""
    return EpisodeRecordMsg(
        episode=record.episode,
        route_id=record.route_id,
        scenario=record.scenario,
        seed=record.seed,
        status=record.status,
        route_completion=float(record.route_completion),
        infraction_score=float(record.infraction_score),
        driving_score=float(record.driving_score),
        success=bool(record.success),
        driven=float(record.driven_m),
        duration=float(record.duration_s),
        truncated=bool(record.truncated),
        infractions=[int(kind) for kind in record.infractions],
        events=[int(kind) for kind in record.events],
        outside_percentage=float(record.outside_percentage),
    )


def record_from_msg(msg: EpisodeRecordMsg) -> EpisodeRecord:
    """Inverse of `record_to_msg`, up to float32."""
    return EpisodeRecord(
        episode=msg.episode,
        status=msg.status,
        route_completion=msg.route_completion,
        infraction_score=msg.infraction_score,
        driving_score=msg.driving_score,
        success=msg.success,
        driven_m=msg.driven,
        duration_s=msg.duration,
        truncated=msg.truncated,
        infractions=tuple(EventKind(kind) for kind in msg.infractions),
        events=tuple(EventKind(kind) for kind in msg.events),
        outside_percentage=msg.outside_percentage,
        scenario=msg.scenario,
        route_id=msg.route_id,
        seed=msg.seed,
    )


# ---- parts of transitions ----------------------------------------------------------------------------------------


def _key(msg) -> StepKey:
    return StepKey(msg.worker, msg.episode, msg.step)


def decision_part(msg: DecisionMsg) -> DecisionPart:
    """The policy's part of a transition; ValueError names an array that does not fit its dimensions."""
    trajectories = None
    if not msg.vocabulary_sha256:
        trajectories = from_floats(msg.trajectories, (msg.candidates, msg.steps, 3), "Decision.trajectories")
    return DecisionPart(
        key=_key(msg),
        features=np.frombuffer(msg.features, np.float32),
        trajectories=trajectories,
        valid=from_flags(msg.valid, msg.candidates, "Decision.valid"),
        selected=msg.selected,
        log_prob=msg.log_prob,
        policy_version=msg.policy_version,
    )


def returns_part(msg: CandidateReturnsMsg) -> ReturnsPart:
    """The counterfactual world's part of a transition (ValueError as in `decision_part`)."""
    return ReturnsPart(
        key=_key(msg),
        returns=from_floats(msg.returns, (msg.candidates,), "CandidateReturns.returns"),
        valid=from_flags(msg.valid, msg.candidates, "CandidateReturns.valid"),
    )


def reward_part(msg: GroundedRewardMsg) -> RewardPart:
    """The event monitor's part of a transition."""
    return RewardPart(
        key=_key(msg), reward=msg.reward, events=tuple(msg.events), done=msg.done, truncated=msg.truncated
    )
