"""The decisions of one episode: all candidates, what they are worth, and what two policies think of them."""

import base64
import json

import cv2
import numpy as np
import torch

from craft.algorithm import CraftConfig, group_advantage
from craft.counterfactual import CounterfactualWorld, Scene
from craft.evaluation import palette
from craft.evaluation.birdseye import BirdsEye
from craft.events import GroundedReward
from craft.policies import Policy
from craft.scene import EgoField, Observation
from craft.world.closed_loop import Listener, PolicyDriver

SIZE_PX, METRES_PER_PX = (560, 560), 0.13  # [m]
_WEBP_QUALITY = 75
CM_PER_M = 100.0
HAZARDS = ("collision", "red_light", "stop_sign", "off_road")  # bits of a candidate's flags, from the lowest


class DecisionLog(Listener):
    """Writes down each decision of an episode.

    Args:
        driver: Who drives; the states are the ones that it visits.
        before, after: The policies that are asked, with the same frozen part.
        counterfactual: Says what each candidate would have led to.
        road: Of the town.
    """

    def __init__(self, driver: PolicyDriver, before: Policy, after: Policy, counterfactual: CounterfactualWorld, road):
        self._driver, self._policies, self._counterfactual = driver, (before, after), counterfactual
        self._view = BirdsEye(road, SIZE_PX, METRES_PER_PX)
        self._sigma_min = CraftConfig().sigma_min
        self._points: np.ndarray | None = None  # of the vocabulary that all states share
        self.rows: list[dict] = []

    @torch.no_grad()
    def decided(self, observation: Observation) -> None:
        """See Listener."""
        choice = self._driver.choice
        candidates, valid = choice.candidates, choice.candidates.valid
        scene = Scene.from_observations(self._view.road, [observation])
        result = self._counterfactual.evaluate(scene, candidates)
        advantage = group_advantage(result.returns, valid[None], self._sigma_min)[0]
        probabilities = [_probabilities(policy, choice) for policy in self._policies]
        flags = sum(getattr(result, name)[0].int() << bit for bit, name in enumerate(HAZARDS))
        picture = cv2.imencode(".webp", self._view.draw(observation), [cv2.IMWRITE_WEBP_QUALITY, _WEBP_QUALITY])[1]
        worth = [float((p * advantage).sum()) for p in probabilities]
        row = {
            "time": round(observation.stamp_s - (self._start_s(observation)), 2),
            "speed": round(float(observation.ego[EgoField.SPEED]) * 3.6, 1),
            "picture": base64.b64encode(picture.tobytes()).decode(),
            "driven": choice.index,
            "before": _packed(probabilities[0], np.float32),
            "after": _packed(probabilities[1], np.float32),
            "returns": _packed(torch.where(valid, result.returns[0], torch.nan), np.float32),
            "advantage": _packed(torch.where(valid, advantage, torch.nan), np.float32),
            "flags": _packed(flags, np.uint8),
            "worth": [round(value, 4) for value in worth],
            "events": [],
        }
        points = np.round(candidates.trajectories[..., :2].numpy() * CM_PER_M).clip(-32768, 32767)
        if self._points is None:
            self._points = points
        if not np.array_equal(points, self._points):
            row["points"] = _packed(points, np.int16)
        self.rows.append(row)

    def rewarded(self, step: int, reward: GroundedReward, done: bool, truncated: bool) -> None:
        """See Listener."""
        self.rows[step]["events"] = [kind.name.replace("_", " ").lower() for kind in reward.events]

    def json(self, title: str) -> str:
        """All that the page needs, as JSON that may stand inside a script element."""
        start = max(range(len(self.rows)), key=lambda i: abs(np.subtract(*self.rows[i]["worth"])), default=0)
        whole = {
            "title": title,
            "size": SIZE_PX,
            "metresPerPx": METRES_PER_PX,
            "cmPerM": CM_PER_M,
            "hazards": [name.replace("_", " ") for name in HAZARDS],
            "start": start,
            "good": palette.css(palette.advantage_color(1.0, 1.0)),
            "medium": palette.css(palette.advantage_color(0.0, 1.0)),
            "bad": palette.css(palette.advantage_color(-1.0, 1.0)),
            "points": _packed(self._points, np.int16),
            "rows": self.rows,
        }
        return json.dumps(whole, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")

    def _start_s(self, observation):
        if not self.rows:
            self._began_s = observation.stamp_s
        return self._began_s


def _probabilities(policy, choice):
    """[G], 0 where masked."""
    candidates = choice.candidates
    logits = policy.score(choice.features[None], candidates)[0]
    return torch.softmax(logits.masked_fill(~candidates.valid, -torch.inf), dim=0)


def _packed(values, kind):
    """Numbers as base64 of their little-endian bytes."""
    return base64.b64encode(np.asarray(values).astype(np.dtype(kind).newbyteorder("<")).tobytes()).decode()
