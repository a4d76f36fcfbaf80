"""Names of all topics, relative to the namespace of the stack, so that a namespace or a remap moves them."""

CLOCK = "/clock"
DIAGNOSTICS = "/diagnostics"

# Names and types of carla-ros-bridge.
WORLD_INFO = "carla/world_info"
LIGHT_INFO = "carla/traffic_lights/info"
LIGHT_STATUS = "carla/traffic_lights/status"


def ego(role_name: str, topic: str) -> str:
    """The bridge's topic of the vehicle with this role name: odometry, objects, vehicle_status, collision, ..."""
    return f"carla/{role_name}/{topic}"


# CRAFT's own.
ROAD_MAP = "craft/road_map"
OBSERVATION = "craft/observation"
VOCABULARY = "craft/vocabulary"
DECISION = "craft/decision"
CANDIDATE_RETURNS = "craft/candidate_returns"
EVENT = "craft/event"
GROUNDED_REWARD = "craft/grounded_reward"
EPISODE_START = "craft/episode_start"
EPISODE_END = "craft/episode_end"
EPISODE_RECORD = "craft/episode_record"
PHASE = "craft/phase"
PHASE_STATUS = "craft/phase_status"
WEIGHTS = "craft/weights"
POLICY_STATUS = "craft/policy_status"
