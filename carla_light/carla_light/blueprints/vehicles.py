"""Vehicles.

Extents marked `measured` come from Scenic's snapshots of CARLA 0.9.15/0.9.16; others and all masses are approximate.
"""

from carla_light.blueprints.definition import AttributeType, Blueprint, fixed, settable

_TAGS = {"car": 14, "van": 14, "truck": 15, "bus": 16, "motorcycle": 18, "bicycle": 19}
_MASS_KG = {"car": 1800.0, "van": 2500.0, "truck": 9000.0, "bus": 10000.0, "motorcycle": 300.0, "bicycle": 90.0}

# name: (kind, special type, half length, half width, half height [m])
_VEHICLES = {
    "audi.a2": ("car", "", 1.853, 0.894, 0.775),
    "audi.etron": ("car", "electric", 2.428, 1.016, 0.825),
    "audi.tt": ("car", "", 2.091, 0.997, 0.693),
    "bh.crossbike": ("bicycle", "", 0.755, 0.433, 0.806),  # measured
    "bmw.grandtourer": ("car", "", 2.305, 1.121, 0.834),
    "carlamotors.carlacola": ("truck", "", 2.602, 1.307, 1.234),
    "carlamotors.firetruck": ("truck", "emergency", 4.234, 1.446, 1.914),  # measured
    "chevrolet.impala": ("car", "", 2.679, 1.017, 0.705),
    "citroen.c3": ("car", "", 1.994, 0.925, 0.812),
    "diamondback.century": ("bicycle", "", 0.821, 0.186, 0.806),
    "dodge.charger_2020": ("car", "", 2.503, 0.944, 0.765),
    "dodge.charger_police": ("car", "emergency", 2.487, 1.019, 0.771),
    "dodge.charger_police_2020": ("car", "emergency", 2.619, 0.962, 0.819),
    "ford.ambulance": ("van", "emergency", 3.183, 1.176, 1.216),
    "ford.crown": ("car", "taxi", 2.683, 0.904, 0.787),
    "ford.mustang": ("car", "", 2.359, 0.947, 0.650),
    "gazelle.omafiets": ("bicycle", "", 0.920, 0.164, 0.806),
    "harley-davidson.low_rider": ("motorcycle", "", 1.175, 0.382, 0.638),
    "jeep.wrangler_rubicon": ("car", "", 1.933, 0.953, 0.939),
    "kawasaki.ninja": ("motorcycle", "", 1.017, 0.398, 0.596),
    "lincoln.mkz_2017": ("car", "", 2.451, 1.064, 0.755),  # measured
    "lincoln.mkz_2020": ("car", "", 2.446, 0.918, 0.745),  # measured
    "mercedes.coupe": ("car", "", 2.513, 1.076, 0.825),
    "mercedes.coupe_2020": ("car", "", 2.337, 0.973, 0.722),
    "mercedes.sprinter": ("van", "", 2.957, 0.994, 1.280),
    "micro.microlino": ("car", "electric", 1.104, 0.740, 0.688),
    "mini.cooper_s": ("car", "", 1.903, 0.985, 0.738),
    "mini.cooper_s_2021": ("car", "", 2.276, 1.049, 0.884),
    "mitsubishi.fusorosa": ("bus", "", 5.136, 1.972, 2.126),  # measured
    "nissan.micra": ("car", "", 1.817, 0.922, 0.751),
    "nissan.patrol": ("car", "", 2.302, 0.966, 0.928),
    "nissan.patrol_2021": ("car", "", 2.783, 1.075, 1.023),
    "seat.leon": ("car", "", 2.096, 0.908, 0.737),
    "tesla.cybertruck": ("car", "electric", 3.137, 1.195, 1.049),
    "tesla.model3": ("car", "electric", 2.396, 1.082, 0.744),  # measured
    "toyota.prius": ("car", "electric", 2.257, 1.003, 0.762),
    "vespa.zx125": ("motorcycle", "", 0.903, 0.434, 0.630),
    "volkswagen.t2": ("van", "", 2.240, 1.035, 1.019),
    "volkswagen.t2_2021": ("van", "", 2.221, 0.887, 0.995),
    "yamaha.yzf": ("motorcycle", "", 1.105, 0.434, 0.626),
}

# From the actor's origin to the box centre, forward [m] (Scenic's snapshots).
_OFFSET_X = {
    "carlamotors.firetruck": -0.253,
    "ford.ambulance": -0.289,
    "ford.crown": 0.185,
    "mitsubishi.fusorosa": -0.445,
}


def _vehicle(name: str, kind: str, special: str, extents: tuple[float, float, float]) -> Blueprint:
    wheels = "2" if kind in ("bicycle", "motorcycle") else "4"
    full_name = "vehicle." + name
    return Blueprint(
        full_name,
        extents,
        (
            fixed("number_of_wheels", AttributeType.INT, wheels),
            fixed("base_type", AttributeType.STRING, kind),
            fixed("special_type", AttributeType.STRING, special),
            fixed("object_type", AttributeType.STRING, ""),
            fixed("generation", AttributeType.INT, "2"),
            fixed("has_lights", AttributeType.BOOL, "true"),
            settable("sticky_control", AttributeType.BOOL, "true"),
            settable("color", AttributeType.RGB, "120,120,120", "120,120,120", "20,20,20", "180,40,40", "40,60,160"),
            settable("role_name", AttributeType.STRING, "autopilot", "autopilot", "scenario", "ego_vehicle", "hero"),
            settable("ros_name", AttributeType.STRING, full_name),
        ),
        offset_x=_OFFSET_X.get(name, 0.0),
        mass_kg=_MASS_KG[kind],
        tag=_TAGS[kind],
    )


VEHICLES = tuple(_vehicle(name, kind, special, half) for name, (kind, special, *half) in _VEHICLES.items())
