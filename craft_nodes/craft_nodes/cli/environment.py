"""Environment variables of a run that stays on this machine."""

import random
import socket
from collections.abc import Mapping
from pathlib import Path

# Choices of the user that settle how far DDS reaches; each of them switches our own choice off.
_USER_CHOICES = (
    "ROS_AUTOMATIC_DISCOVERY_RANGE",
    "ROS_LOCALHOST_ONLY",
    "FASTRTPS_DEFAULT_PROFILES_FILE",
    "RMW_IMPLEMENTATION",
)
_FIRST_DOMAIN, _LAST_DOMAIN = 1, 100  # 0 is everybody's default; above 101 the ports reach the ephemeral range on Linux


def dds_environment(inherited: Mapping[str, str], profile: Path) -> dict[str, str]:
    """Variables that keep DDS on the loopback interface and apart from other runs, unless the user chose otherwise.

    UDP on loopback is as fast for our messages as shared memory (round trip 0.2 ms for either), and a killed process
    leaves no segments in /dev/shm behind. The range LOCALHOST would bring shared memory back, so the profile alone
    limits the reach.
    """
    chosen = {}
    if not any(inherited.get(name) for name in _USER_CHOICES):
        chosen = {"FASTRTPS_DEFAULT_PROFILES_FILE": str(profile), "ROS_AUTOMATIC_DISCOVERY_RANGE": "SYSTEM_DEFAULT"}
    if not inherited.get("ROS_DOMAIN_ID"):
        chosen["ROS_DOMAIN_ID"] = str(free_domain())
    return chosen


def free_domain() -> int:
    """A DDS domain that nobody on this machine uses.

    Raises:
        OSError: All are in use.
    """
    domains = list(range(_FIRST_DOMAIN, _LAST_DOMAIN + 1))
    # Not seeded: two runs with one seed must still be apart.
    random.SystemRandom().shuffle(domains)
    for domain in domains:
        if _is_free(domain):
            return domain
    raise OSError("all ROS domains from 1 to 100 are in use; set ROS_DOMAIN_ID to the one to share")


def _is_free(domain: int) -> bool:
    # Unicast discovery port of a domain's first participant (RTPS 2.2, 9.6.1.1): 7400 + 250 domain + 10.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.0.0.1", 7410 + 250 * domain))
        except OSError:
            return False
    return True
