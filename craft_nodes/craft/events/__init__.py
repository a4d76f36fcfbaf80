"""Infractions and interaction-critical events of executed driving, and the grounded reward."""

from craft.events.kinds import Event, EventConfig, EventKind, GroundedReward
from craft.events.monitor import EventMonitor
from craft.events.record import EpisodeRecord, EpisodeScore, score_episode

__all__ = [
    "EpisodeRecord",
    "EpisodeScore",
    "Event",
    "EventConfig",
    "EventKind",
    "EventMonitor",
    "GroundedReward",
    "score_episode",
]
