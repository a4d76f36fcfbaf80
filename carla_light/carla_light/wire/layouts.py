"""Binary layouts of the streams, little endian and packed, as the carla 0.9.16 wheel reads them.

tests/carla_light/test_wire_layouts.py pins each of them by what the official client decodes.
"""

import struct

# Index of each sensor in the client's registry; the first field of every stream message.
SENSOR_TYPE = {
    "sensor.other.collision": 0,
    "sensor.other.gnss": 4,
    "sensor.other.imu": 5,
    "sensor.other.obstacle": 7,
    "sensor.other.radar": 9,
    "sensor.lidar.ray_cast_semantic": 10,
    "sensor.lidar.ray_cast": 11,
    "sensor.camera.rgb": 13,
}
WORLD_OBSERVER_TYPE = 17

# sensor type, frame, simulation time [s], then the sensor's transform: x y z [m], pitch yaw roll [deg]
SENSOR_HEADER = struct.Struct("<QQd6f")
# episode id, platform time [s], delta [s], map origin x y z, simulation state
EPISODE_HEADER = struct.Struct("<Qdf3iI")

# id, actor state, x y z [m], pitch yaw roll [deg], velocity [m/s], angular velocity [deg/s], acceleration [m/s2]
_ACTOR = "IB6f3f3f3f"
# A union of 54 bytes follows:
# throttle steer brake, hand brake, reverse, manual gear, gear, speed limit [km/h], light state, has light, light id,
# failure state
VEHICLE = struct.Struct("<" + _ACTOR + "3f3Bif2BIB24x")
# OpenDRIVE signal id, green yellow red elapsed [s], pole index, frozen, state
TRAFFIC_LIGHT = struct.Struct("<" + _ACTOR + "32s4fIBB")
# direction, speed [m/s], jump
WALKER = struct.Struct("<" + _ACTOR + "4fB37x")
PLAIN_ACTOR = struct.Struct("<" + _ACTOR + "54x")

ACTOR_ACTIVE = 1  # carla::rpc::ActorState::Active

# stream id, TCP port, protocol (1 = TCP), address type (0 = the host the client is connected to)
STREAM_TOKEN = struct.Struct("<IHBB16x")
_PROTOCOL_TCP, _CLIENTS_HOST = 1, 0

STREAM_LENGTH = struct.Struct("<I")

IMAGE_HEADER = struct.Struct("<IIf")  # width, height, horizontal field of view [deg]; then BGRA bytes
LIDAR_HEADER = struct.Struct("<fI")  # horizontal angle [rad], channels; then u32 points a channel, then the points
RADAR_DETECTION = struct.Struct("<4f")  # velocity [m/s], azimuth [rad], altitude [rad], depth [m]


def stream_token(stream: int, port: int) -> bytes:
    """The 24 bytes that tell a client where to subscribe to a stream."""
    return STREAM_TOKEN.pack(stream, port, _PROTOCOL_TCP, _CLIENTS_HOST)
