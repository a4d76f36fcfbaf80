"""Calls about vehicles."""

from carla_light.session import Session
from carla_light.simulation.actors import Body
from carla_light.simulation.geometry import to_world
from carla_light.simulation.response import STEER_GAIN_RAD
from carla_light.simulation.vehicle import Vehicle, VehicleControl

_DEGREES = 57.29577951308232
_WHEEL_RADIUS_CM = 35.0
_FRONT_WHEELS = 2  # wheels 0 and 1


class VehicleService:
    """Control, lights, physics parameters."""

    def __init__(self, session: Session) -> None:
        """Serves a session."""
        self._session = session

    def _vehicle(self, actor_id: int) -> Vehicle:
        return self._session.actor(actor_id, Vehicle)

    def apply_control_to_vehicle(self, actor_id: int, control: list) -> None:
        """Throttle, steer, brake, hand brake, reverse, manual gear, gear."""
        self._vehicle(actor_id).control = VehicleControl.from_rpc(control)

    def set_actor_autopilot(self, actor_id: int, enabled: bool) -> None:
        """Nothing to do: the Traffic Manager lives in the client."""
        self._vehicle(actor_id)

    def enable_actor_constant_velocity(self, actor_id: int, velocity: list[float]) -> None:
        """Drives at a velocity in the vehicle's frame, whatever its control says."""
        self._vehicle(actor_id).constant_velocity = tuple(velocity)

    def disable_actor_constant_velocity(self, actor_id: int) -> None:
        """Gives the vehicle back to its control."""
        self._vehicle(actor_id).constant_velocity = None

    def get_vehicle_light_state(self, actor_id: int) -> list[int]:
        """[light flags]."""
        return [self._vehicle(actor_id).light_state]

    def set_vehicle_light_state(self, actor_id: int, state: list[int] | int) -> None:
        """Sets the light flags, which come packed in a list from the call and bare from a batch."""
        self._vehicle(actor_id).light_state = state[0] if isinstance(state, list) else state

    def get_vehicle_light_states(self) -> list[list[int]]:
        """[id, light flags] of every vehicle."""
        return [[v.id, v.light_state] for v in self._session.world.vehicles.values()]

    def get_wheel_steer_angle(self, actor_id: int, wheel: int) -> float:
        """Angle of a wheel [deg]."""
        vehicle = self._vehicle(actor_id)
        return _DEGREES * STEER_GAIN_RAD * vehicle.control.steer if wheel < _FRONT_WHEELS else 0.0

    def get_telemetry_data(self, actor_id: int) -> list:
        """Speed [m/s], steer, throttle, brake, engine rpm, gear, drag, wheels (none)."""
        vehicle = self._vehicle(actor_id)
        control = vehicle.control
        return [vehicle.speed, control.steer, control.throttle, control.brake, 0.0, vehicle.gear, 0.0, []]

    def get_physics_control(self, actor_id: int) -> list:
        """Parameters of a stock car. They describe; the response map decides."""
        vehicle = self._vehicle(actor_id)
        return vehicle.physics_control or _stock_physics(vehicle)

    def apply_physics_control(self, actor_id: int, physics: list) -> None:
        """Keeps parameters, so that they read back equal; the response map does not use them."""
        self._vehicle(actor_id).physics_control = physics


def _stock_physics(vehicle: Body) -> list:
    """carla::rpc::VehiclePhysicsControl of one stock car as CARLA prints it."""
    half_length, half_width, _ = vehicle.half_extents
    wheels = []
    for front in (True, False):
        for side in (-1.0, 1.0):
            forward = (0.6 if front else -0.6) * half_length
            x, y = to_world(vehicle.x, vehicle.y, vehicle.yaw, forward, side * half_width)
            position = [100.0 * x, 100.0 * y, 100.0 * vehicle.z + _WHEEL_RADIUS_CM]
            # friction, damping, max steer [deg], radius [cm], brake and hand brake [Nm], stiffness, position [cm]
            wheels.append(
                [3.5, 0.25, 70.0 if front else 0.0, _WHEEL_RADIUS_CM, 1500.0, 0.0 if front else 3000.0,
                 17.0, 2.0, 1000.0, position]
            )  # fmt: skip
    torque = [[0.0, 400.0], [1891.0, 500.0], [5730.0, 400.0]]
    gears = [[ratio, 0.5, 0.65] for ratio in (3.73, 2.05, 1.39, 1.03, 0.82)]
    steering = [[0.0, 1.0], [20.0, 0.898], [60.0, 0.76], [120.0, 0.7]]
    # torque curve, max rpm, moi, damping (full, engaged, free), automatic, shift time, clutch, final ratio, gears,
    # mass, drag, centre of mass, steering curve, wheels, sweep collision
    return [torque, 5730.0, 1.0, 0.15, 2.0, 0.35, True, 0.5, 10.0, 4.0, gears, vehicle.mass_kg, 0.3,
            [0.0, 0.0, 0.0], steering, wheels, False]  # fmt: skip
