"""What is around the vehicle: the road map, the route and one stamped observation. Plain arrays, ROS frames."""

from craft.scene.observation import (
    MAX_AGENTS,
    MAX_STOP_LINES,
    ROUTE_POINTS,
    AgentField,
    AgentKind,
    EgoField,
    LightState,
    Observation,
    RouteField,
    StopField,
)
from craft.scene.road_map import LaneKind, RoadMap, StopKind
from craft.scene.route import Route

__all__ = [
    "MAX_AGENTS",
    "MAX_STOP_LINES",
    "ROUTE_POINTS",
    "AgentField",
    "AgentKind",
    "EgoField",
    "LaneKind",
    "LightState",
    "Observation",
    "RoadMap",
    "Route",
    "RouteField",
    "StopField",
    "StopKind",
]
