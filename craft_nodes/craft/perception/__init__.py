"""Messages-free building of observations: what the bridge publishes becomes one stamped observation."""

from craft.perception.assembler import FrameAssembler
from craft.perception.inputs import Collision, Odometry, TrackedObjects, VehicleStatus, WorldFrame
from craft.perception.observation import ObservationBuilder

__all__ = [
    "Collision",
    "FrameAssembler",
    "ObservationBuilder",
    "Odometry",
    "TrackedObjects",
    "VehicleStatus",
    "WorldFrame",
]
