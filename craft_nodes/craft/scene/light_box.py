"""Where a traffic light applies."""

from dataclasses import dataclass


@dataclass(frozen=True)
class LightBox:
    """Trigger volume of a traffic light on the ground plane (carla_msgs/CarlaTrafficLightInfo), map frame.

    Attributes:
        id: Id of the light's actor.
        x, y: Centre [m].
        yaw: Orientation of the box's x axis [rad].
        half_x, half_y: Half sizes along its own axes [m].
    """

    id: int
    x: float
    y: float
    yaw: float
    half_x: float
    half_y: float
