"""A bird's-eye picture of one observation, from which a person can judge a decision."""

import cv2
import numpy as np
import torch

from craft.algorithm import CraftConfig, group_advantage
from craft.evaluation import palette
from craft.evaluation.road_raster import SUBPIXEL_BITS, RoadRaster, fixed_point
from craft.scene import (
    AgentField,
    AgentKind,
    EgoField,
    LightState,
    Observation,
    RoadMap,
    RouteField,
    StopField,
    StopKind,
)
from craft.scene.candidates import Candidates
from craft.scene.frames import to_map
from craft.scene.observation import PARKED_FROM_ID

_SHADES = 15  # of the advantage; candidates of one shade are drawn together
_CANDIDATE_OPACITY = 0.85
_FULL_COLOR = 2.0  # advantages beyond it, in standard deviations of the group, look alike: few are
_ROUTE_M = 0.9  # width of the route, a band so that no candidate is mistaken for it [m]
_SMALLEST_AGENT_PX = 9.0  # agents narrower than this get a ring around them
_FONT, _FONT_SCALE, _LINE_PX, _MARGIN_PX = cv2.FONT_HERSHEY_SIMPLEX, 0.5, 20, 8
_SCALE_BAR_M = 10.0
_ALERT_FRAME_PX = 5
_WIDE_PX = 440  # narrower pictures have the scale bar above the legend
_LEGEND_PX = (120, 10)
_RAMP = np.array([palette.advantage_color(value, 1.0) for value in np.linspace(-1.0, 1.0, _LEGEND_PX[0])], np.uint8)


class BirdsEye:
    """Draws observations: the vehicle in the middle, its heading up.

    Args:
        road: The town.
        size_px: Width and height of the picture.
        metres_per_px: Resolution [m].
    """

    def __init__(self, road: RoadMap, size_px: tuple[int, int] = (720, 720), metres_per_px: float = 0.12):
        if min(size_px) < 1 or not metres_per_px > 0.0:
            raise ValueError(f"a picture of {size_px[0]} x {size_px[1]} pixels of {metres_per_px} m cannot be drawn")
        self.road, self.size_px, self.metres_per_px = road, size_px, metres_per_px
        self._middle = (np.array(size_px) - 1) / 2
        self._raster = RoadRaster(road, metres_per_px, float(np.hypot(*size_px)) / 2 * metres_per_px)
        self._sigma_min = CraftConfig().sigma_min

    def pixels(self, points: np.ndarray) -> np.ndarray:
        """Where points [..., 2] of the ego frame [m] lie in the picture: (column, row), pixel centres are integers."""
        return self._middle - np.asarray(points)[..., 1::-1] / self.metres_per_px

    def draw(
        self,
        observation: Observation,
        *,
        trajectory: np.ndarray | None = None,
        candidates: Candidates | None = None,
        returns: torch.Tensor | None = None,
        shown: torch.Tensor | None = None,
        caption: str = "",
        alert: str = "",
    ) -> np.ndarray:
        """One picture.

        Args:
            observation: What is seen.
            trajectory: The one that is followed, [T, 3], ego frame of the observation.
            candidates: Of this state, trajectories [G, T, 3], same frame.
            returns: [G], counterfactual returns of the candidates. They are coloured by their advantage within the
                group (CRAFT Eqs. 38-39), and so is `trajectory`.
            shown: bool [G], which of the candidates are drawn; all without it. The others count in the group.
            caption: Lines of text at the top.
            alert: One more line, to be noticed, and a frame of its colour.

        Returns:
            uint8 [height, width, 3], BGR.
        """
        image = self._road(observation)
        self._route(image, observation)
        advantage = followed_advantage = None
        if candidates is not None:
            if returns is not None:
                advantage = group_advantage(returns[None], candidates.valid[None], self._sigma_min)[0].numpy()
                if trajectory is not None:
                    followed_advantage = _advantage_of(trajectory, candidates, advantage)
            drawn = candidates.valid if shown is None else candidates.valid & shown
            image = self._candidates(image, candidates.trajectories[drawn].numpy(), _part(advantage, drawn))
        self._stop_lines(image, observation)
        if trajectory is not None:
            self._followed(image, trajectory[:, :2], followed_advantage)
        self._agents(image, observation)
        ego = observation.ego
        self._vehicle(image, (0.0, 0.0, 0.0), ego[EgoField.HALF_LENGTH], ego[EgoField.HALF_WIDTH], palette.EGO)
        self._scale_bar(image)
        if advantage is not None:
            self._legend(image, followed_advantage)
        self._text(image, caption.splitlines(), alert)
        return image

    def _road(self, observation):
        x, y, yaw = (float(value) for value in observation.ego[: EgoField.YAW + 1])
        raster, centre = self._raster.around(x, y)
        cos, sin = np.cos(yaw), np.sin(yaw)
        column, row = self._middle
        middle = (len(raster) - 1) / 2
        # Picture -> ego frame -> map frame -> raster, all with the same resolution.
        east, north = (np.array([x, y]) - centre) / self.metres_per_px
        inverse = np.array(
            [
                [sin, -cos, middle + east + cos * row - sin * column],
                [cos, sin, middle - north - sin * row - cos * column],
            ]
        )
        return cv2.warpAffine(
            raster,
            inverse,
            self.size_px,
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=palette.GROUND,
        )

    def _route(self, image, observation):
        points = observation.route[observation.route_valid][:, : RouteField.Y + 1]
        if len(points) > 1:
            self._polyline(image, points, palette.ROUTE, max(1, round(_ROUTE_M / self.metres_per_px)))
            if not observation.route_valid[-1]:  # it ends within sight
                goal = fixed_point(self.pixels(points[-1]))
                for radius, paint in ((9, palette.PANEL), (7, palette.GOAL), (3, palette.PANEL)):
                    cv2.circle(image, goal, radius << SUBPIXEL_BITS, paint, -1, cv2.LINE_AA, SUBPIXEL_BITS)

    def _stop_lines(self, image, observation):
        for line in observation.stop_lines[observation.stop_valid]:
            pose = line[[StopField.X, StopField.Y, StopField.YAW]]
            half = float(line[StopField.HALF_WIDTH])
            kind, cleared = StopKind(int(line[StopField.KIND])), bool(line[StopField.CLEARED])
            if kind == StopKind.LIGHT:
                color, label = palette.LIGHT[LightState(int(line[StopField.STATE]))], ""
            else:
                color = palette.SIGN_CLEARED if cleared else palette.SIGN
                label = kind.name + (" (stood)" if cleared else "")
            self._polyline(image, to_map(np.array([[0.0, half], [0.0, -half]]), *pose), color, 6)
            lamp = self.pixels(to_map(np.array([0.0, -half - 1.0]), *pose))
            for radius, paint in ((11, palette.PANEL), (9, color)):
                cv2.circle(image, fixed_point(lamp), radius << SUBPIXEL_BITS, paint, -1, cv2.LINE_AA, SUBPIXEL_BITS)
            if label:
                self._word(image, label, np.round(lamp).astype(int) + (14, 5), color)

    def _agents(self, image, observation):
        valid = observation.agent_valid
        for agent, number in zip(observation.agents[valid], observation.agent_id[valid], strict=True):
            pose = agent[[AgentField.X, AgentField.Y, AgentField.YAW]]
            parked = number >= PARKED_FROM_ID
            color = palette.PARKED if parked else palette.AGENT[AgentKind(int(agent[AgentField.KIND]))]
            half_length, half_width = agent[AgentField.HALF_LENGTH], agent[AgentField.HALF_WIDTH]
            self._vehicle(image, pose, half_length, half_width, color)
            if parked:
                continue
            place = agent[[AgentField.X, AgentField.Y]]
            velocity = agent[[AgentField.VX, AgentField.VY]]  # drawn to where the agent will be in a second
            self._polyline(image, np.stack([place, place + velocity]), color, 2)
            if 2.0 * half_width < _SMALLEST_AGENT_PX * self.metres_per_px:
                ring = fixed_point(self.pixels(place))
                cv2.circle(image, ring, 11 << SUBPIXEL_BITS, color, 2, cv2.LINE_AA, SUBPIXEL_BITS)

    def _vehicle(self, image, pose, half_length, half_width, color):
        """A box with a dark arrow head in its front half."""
        size = np.array([half_length, half_width], float)
        box = to_map(np.array([[1, 1], [1, -1], [-1, -1], [-1, 1]]) * size, *pose)
        arrow = to_map(np.array([[0.85, 0.0], [0.1, -0.7], [0.1, 0.7]]) * size, *pose)
        for polygon, fill in ((box, color), (arrow, palette.GROUND)):
            cv2.fillConvexPoly(image, fixed_point(self.pixels(polygon)), fill, cv2.LINE_AA, SUBPIXEL_BITS)

    def _candidates(self, image, trajectories, advantage):
        points = trajectories[..., :2]
        lines = fixed_point(self.pixels(np.concatenate([np.zeros_like(points[:, :1]), points], axis=1)))
        layer = image.copy()
        if advantage is None:
            cv2.polylines(layer, list(lines), False, palette.UNJUDGED, 1, cv2.LINE_AA, SUBPIXEL_BITS)
        else:
            share = np.clip(advantage / _FULL_COLOR, -1.0, 1.0)
            shade = np.round((share + 1.0) / 2.0 * (_SHADES - 1)).astype(int)
            for level in range(_SHADES):  # the best are drawn last, over the others
                color = palette.advantage_color(2.0 * level / (_SHADES - 1) - 1.0, 1.0)
                cv2.polylines(layer, list(lines[shade == level]), False, color, 1, cv2.LINE_AA, SUBPIXEL_BITS)
        return cv2.addWeighted(layer, _CANDIDATE_OPACITY, image, 1.0 - _CANDIDATE_OPACITY, 0.0)

    def _followed(self, image, points, advantage):
        color = palette.UNJUDGED if advantage is None else palette.advantage_color(advantage, _FULL_COLOR)
        for width, radius, paint in ((8, 7, palette.EGO), (4, 5, color)):
            self._polyline(image, np.concatenate([np.zeros((1, 2)), points]), paint, width)
            for point in fixed_point(self.pixels(points)):
                cv2.circle(image, point, radius << SUBPIXEL_BITS, paint, -1, cv2.LINE_AA, SUBPIXEL_BITS)

    def _polyline(self, image, points, color, thickness):
        cv2.polylines(image, [fixed_point(self.pixels(points))], False, color, thickness, cv2.LINE_AA, SUBPIXEL_BITS)

    def _word(self, image, word, place, color):
        for thickness, paint in ((4, palette.PANEL), (1, color)):
            cv2.putText(image, word, tuple(map(int, place)), _FONT, _FONT_SCALE, paint, thickness, cv2.LINE_AA)

    def _scale_bar(self, image):
        row, left = self.size_px[1] - (14 if self.size_px[0] >= _WIDE_PX else 38), 14  # above the legend
        right = left + round(_SCALE_BAR_M / self.metres_per_px)
        for width, paint in ((5, palette.PANEL), (2, palette.TEXT)):
            cv2.line(image, (left, row), (right, row), paint, width)
        self._word(image, f"{_SCALE_BAR_M:g} m", (right + 8, row + 5), palette.TEXT)

    def _legend(self, image, followed_advantage):
        width, height = _LEGEND_PX
        right, bottom = self.size_px[0] - 44, self.size_px[1] - 9
        image[bottom - height : bottom, right - width : right] = _RAMP
        self._word(image, f"advantage  -{_FULL_COLOR:g}", (right - width - 116, bottom), palette.TEXT)
        self._word(image, f"+{_FULL_COLOR:g}", (right + 8, bottom), palette.TEXT)
        if followed_advantage is not None:
            share = (np.clip(followed_advantage / _FULL_COLOR, -1.0, 1.0) + 1.0) / 2.0
            column = right - width + round(share * (width - 1))
            cv2.rectangle(image, (column - 3, bottom - height - 4), (column + 3, bottom + 3), palette.EGO, 2)
            self._word(image, f"{followed_advantage:+.1f}", (column - 14, bottom - height - 9), palette.TEXT)

    def _text(self, image, lines, alert):
        """The caption on a panel; a line that is too long is set smaller."""
        rows = [(line, palette.PANEL) for line in lines] + ([(alert, palette.ALERT)] if alert else [])
        if alert:  # seen even where nobody reads
            for edge in (image[:_ALERT_FRAME_PX], image[-_ALERT_FRAME_PX:]):
                edge[:] = palette.ALERT
            for edge in (image[:, :_ALERT_FRAME_PX], image[:, -_ALERT_FRAME_PX:]):
                edge[:] = palette.ALERT
        for number, (line, background) in enumerate(rows):
            top = number * _LINE_PX
            image[top : top + _LINE_PX] = background
            width = cv2.getTextSize(line, _FONT, _FONT_SCALE, 1)[0][0]
            scale = _FONT_SCALE * min(1.0, (self.size_px[0] - 2 * _MARGIN_PX) / max(width, 1))
            place = (_MARGIN_PX, top + _LINE_PX - 6)
            cv2.putText(image, line, place, _FONT, scale, palette.TEXT, 1, cv2.LINE_AA)


def _part(values, rows):
    return None if values is None else values[rows.numpy()]


def _advantage_of(trajectory, candidates, advantage):
    """The advantage of the candidate that is `trajectory`; None when none is."""
    distance = np.abs(candidates.trajectories.numpy() - trajectory).max(axis=(1, 2))
    nearest = int(np.where(candidates.valid.numpy(), distance, np.inf).argmin())
    # Transforms may have moved the candidates and the trajectory by a rounding error.
    return float(advantage[nearest]) if distance[nearest] < 1e-3 else None
