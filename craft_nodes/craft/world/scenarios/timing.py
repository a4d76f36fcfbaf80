"""When a scripted party acts: late enough that a careless ego is caught, early enough that an attentive one is not."""

EGO_FRONT_M = 2.45  # from the ego's box centre to its bumper [m]
REACTION_S = 0.5  # two decisions of 0.25 s pass before an attentive ego brakes [s]
BRAKING_MPS2 = 6.0  # it then brakes with; a CARLA car reaches 7.3 to 16 [m/s2] (PDM-Lite's longitudinal map)
MARGIN_M = 1.5  # and comes to rest this far before the obstacle [m]


def stopping_distance(speed_mps: float) -> float:
    """Way that an attentive ego needs to come to rest, with margin [m]."""
    return speed_mps * REACTION_S + speed_mps**2 / (2.0 * BRAKING_MPS2) + MARGIN_M
