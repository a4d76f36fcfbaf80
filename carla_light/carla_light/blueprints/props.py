"""Static props: boxes that stand where they are put."""

from carla_light.blueprints.definition import AttributeType, Blueprint, settable

# name: half extents [m] and mass [kg]; approximate, ours
_PROPS = {
    "advertisement": (0.75, 0.20, 1.20, 200.0),
    "barrel": (0.30, 0.30, 0.45, 30.0),
    "busstop": (2.00, 0.80, 1.30, 500.0),
    "chainbarrier": (0.70, 0.10, 0.45, 20.0),
    "constructioncone": (0.18, 0.18, 0.30, 4.0),
    "container": (3.00, 1.20, 1.30, 3000.0),
    "dirtdebris01": (0.90, 0.90, 0.10, 50.0),
    "dirtdebris02": (0.90, 0.90, 0.10, 50.0),
    "dirtdebris03": (0.90, 0.90, 0.10, 50.0),
    "foodcart": (1.50, 1.00, 1.30, 400.0),
    "haybale": (0.60, 0.60, 0.60, 200.0),
    "streetbarrier": (0.60, 0.20, 0.55, 40.0),
    "trafficcone01": (0.20, 0.20, 0.40, 4.0),
    "trafficcone02": (0.20, 0.20, 0.40, 4.0),
    "trafficwarning": (1.20, 0.80, 1.30, 300.0),
    "vendingmachine": (0.55, 0.45, 0.95, 300.0),
    "warningaccident": (0.45, 0.25, 0.50, 10.0),
    "warningconstruction": (0.45, 0.25, 0.50, 10.0),
}
_TAG_STATIC = 20

PROPS = tuple(
    Blueprint(
        "static.prop." + name,
        (x, y, z),
        (settable("role_name", AttributeType.STRING, "prop"),),
        mass_kg=mass,
        tag=_TAG_STATIC,
    )
    for name, (x, y, z, mass) in _PROPS.items()
)
