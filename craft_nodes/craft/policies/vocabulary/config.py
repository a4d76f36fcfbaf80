"""Sizes and normalising scales of the vocabulary policy; stored in its checkpoint."""

from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True)
class VocabularyConfig:
    """Sizes of the network, and the scales that bring physical quantities to about one.

    All values are ours, chosen so that one decision takes a few milliseconds on one CPU core.
    """

    agents: int = 16  # nearest agents that become tokens
    token_size: int = 32
    attention_heads: int = 4
    encoder_layers: int = 2
    head_size: int = 64  # units of the scoring head's first hidden layer
    position_scale_m: float = 20.0
    speed_scale_mps: float = 10.0
    acceleration_scale_mps2: float = 5.0
    lateral_scale_m: float = 2.0  # deviation of a candidate from the route
    lateral_limit_m: float = 6.0  # beyond it a deviation counts the same
    clearance_scale_m: float = 4.0  # gap between the boxes of a candidate and an agent
    clearance_limit_m: float = 8.0  # gaps beyond it count the same; so does no agent at all
    penetration_limit_m: float = 2.0  # overlaps deeper than this count the same
    motion_margin_s: float = 0.5  # the longer of the two boxes of an agent covers its motion in this time, both ways
    margin_scale_m: float = 5.0  # distance of a candidate's front bumper from a stop line
    margin_limit_m: float = 10.0
    passed_line_m: float = 1.0  # a line further behind the front bumper than this no longer binds

    def __post_init__(self):
        for field in fields(self):
            value = getattr(self, field.name)
            number = isinstance(value, int if field.type is int else (int, float)) and not isinstance(value, bool)
            if not number or not value > 0:
                raise ValueError(
                    f"vocabulary policy setting {field.name} must be a positive {field.type.__name__}, not {value!r}"
                )
        if self.token_size % self.attention_heads:
            raise ValueError(
                f"vocabulary policy setting token_size ({self.token_size}) must be a multiple of attention_heads "
                f"({self.attention_heads})"
            )

    def to_settings(self) -> dict[str, Any]:
        """The settings for a checkpoint's config.json."""
        return asdict(self)

    @classmethod
    def from_settings(cls, settings: dict[str, Any]) -> "VocabularyConfig":
        """The configuration in a checkpoint's settings; raises ValueError naming every unknown or missing one."""
        names = {field.name for field in fields(cls)}
        problems = [f"unknown setting {name!r}" for name in sorted(settings.keys() - names)]
        problems += [f"missing setting {name!r}" for name in sorted(names - settings.keys())]
        if problems:
            raise ValueError("; ".join(problems))
        return cls(**settings)
