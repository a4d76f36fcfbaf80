"""Sensors and their attributes, with CARLA's defaults."""

from carla_light.blueprints.definition import Attribute, AttributeType, Blueprint, settable


def _floats(**values: str) -> tuple[Attribute, ...]:
    return tuple(settable(name, AttributeType.FLOAT, value) for name, value in values.items())


def _sensor(name: str, *attributes: Attribute) -> Blueprint:
    common = (
        settable("role_name", AttributeType.STRING, "front"),
        settable("ros_name", AttributeType.STRING, name),
        settable("sensor_tick", AttributeType.FLOAT, "0.0"),
    )
    return Blueprint(name, (0.0, 0.0, 0.0), common + attributes)


_IMAGE = (
    settable("image_size_x", AttributeType.INT, "800"),
    settable("image_size_y", AttributeType.INT, "600"),
    *_floats(fov="90.0"),
)
_LIDAR = (
    settable("channels", AttributeType.INT, "32"),
    settable("points_per_second", AttributeType.INT, "56000"),
    *_floats(range="10.0", rotation_frequency="10.0", upper_fov="10.0", lower_fov="-30.0", horizontal_fov="360.0"),
)

SENSORS = (
    _sensor("sensor.other.collision"),
    _sensor("sensor.other.lane_invasion"),
    _sensor("sensor.other.gnss"),
    _sensor("sensor.other.imu"),
    _sensor(
        "sensor.other.obstacle",
        settable("only_dynamics", AttributeType.BOOL, "false"),
        *_floats(distance="5.0", hit_radius="0.5"),
    ),
    _sensor(
        "sensor.other.radar",
        settable("points_per_second", AttributeType.INT, "1500"),
        *_floats(horizontal_fov="30.0", vertical_fov="30.0", range="100.0"),
    ),
    _sensor("sensor.lidar.ray_cast", *_LIDAR, *_floats(atmosphere_attenuation_rate="0.004")),
    _sensor("sensor.lidar.ray_cast_semantic", *_LIDAR),
    _sensor("sensor.camera.rgb", *_IMAGE),
)
