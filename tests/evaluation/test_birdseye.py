import math
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from counterfactual_scenes import agent, crossing, stop_line, straight_road
from craft.evaluation import palette
from craft.evaluation.birdseye import BirdsEye
from craft.evaluation.video import VideoFile
from craft.scene import AgentKind, LaneKind, LightState, StopKind
from craft.scene.candidates import Candidates
from craft.scene.frames import to_map
from craft.scene.observation import PARKED_FROM_ID
from synthetic_driving import arc_scene


def scene(*, pose=(0.0, 0.0, 0.0), agents=(), lines=(), route=False):
    """An observation with these rows."""
    plain = arc_scene(speed=5.0, limit=10.0, curvature=0.0, pose=pose)
    rows = {"agents": plain.agents.copy(), "stop_lines": plain.stop_lines.copy()}
    rows["agents"][: len(agents)] = np.reshape(agents, (-1, plain.agents.shape[1]))
    rows["stop_lines"][: len(lines)] = np.reshape(lines, (-1, plain.stop_lines.shape[1]))
    return replace(
        plain,
        **rows,
        agent_valid=np.arange(len(plain.agents)) < len(agents),
        stop_valid=np.arange(len(plain.stop_lines)) < len(lines),
        route_valid=plain.route_valid & route,
    )


def at(image, view, x, y):
    """The colour at a place of the ego frame."""
    column, row = np.round(view.pixels(np.array([x, y]))).astype(int)
    return tuple(int(value) for value in image[row, column])


def changed(picture, other):
    """Rows and columns of the pixels that differ."""
    return np.argwhere((picture != other).any(axis=-1))


def test_a_place_lies_on_its_pixel():
    view = BirdsEye(straight_road(), (200, 100), 0.5)
    # The middle of 200 x 100 pixels is (99.5, 49.5). 10 m ahead is 20 rows up, 5 m to the left is 10 columns left.
    np.testing.assert_allclose(view.pixels(np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 5.0]])), [
        [99.5, 49.5], [99.5, 29.5], [89.5, 49.5],
    ])  # fmt: skip


def test_size_and_type_follow_from_the_request():
    picture = BirdsEye(straight_road(), (200, 100), 0.5).draw(scene(), caption="a\nb", alert="c")
    assert picture.shape == (100, 200, 3) and picture.dtype == np.uint8


@pytest.mark.parametrize("size", [(0, 100), (100, -1)])
def test_a_picture_without_size_is_refused(size):
    with pytest.raises(ValueError, match="cannot be drawn"):
        BirdsEye(straight_road(), size)


def test_lanes_are_painted_by_kind_up_to_their_corners():
    # The vehicle stands at x = 100 on the road that ends at x = 150, 50 m ahead. From left to right: sidewalk
    # 7.25..5.25 m, oncoming lane 5.25..1.75, own lane 1.75..-1.75, shoulder -1.75..-3.75, ground.
    view = BirdsEye(straight_road(), (400, 1200), 0.1)
    picture = view.draw(scene(pose=(100.0, 0.0, 0.0)))
    for y, color in (
        (6.5, palette.SURFACE[LaneKind.SIDEWALK]),
        (3.5, palette.SURFACE[LaneKind.DRIVING]),
        (1.2, palette.SURFACE[LaneKind.DRIVING]),
        (-2.7, palette.SURFACE[LaneKind.SHOULDER]),
        (-4.2, palette.GROUND),
    ):
        assert at(picture, view, 49.5, y) == color, y
        assert at(picture, view, 50.5, y) == palette.GROUND, y
    assert at(picture, view, 20.0, 1.75) == palette.LEFT_EDGE  # the middle of the carriageway
    np.testing.assert_allclose(at(picture, view, 20.0, -1.75), palette.LANE_EDGE, atol=12)


def test_the_inside_of_a_junction_is_told_apart():
    view = BirdsEye(crossing())
    picture = view.draw(scene())
    assert at(picture, view, 20.0, 1.0) == palette.JUNCTION
    assert at(picture, view, 10.0, 0.5) == palette.SURFACE[LaneKind.DRIVING]


def test_an_agent_covers_the_pixels_of_its_box_and_no_others():
    view = BirdsEye(straight_road())
    # A box of 6 m x 2 m, turned left by 90 degrees: it reaches 1 m fore and aft of (10, 4), 3 m to the sides.
    row = agent(10.0, 4.0, yaw=math.pi / 2, half=(3.0, 1.0))
    without, picture = view.draw(scene()), view.draw(scene(agents=[row]))
    assert at(picture, view, 10.0, 1.5) == palette.AGENT[AgentKind.VEHICLE]  # the rear half; the arrow is in front
    assert at(picture, view, 10.9, 3.5) == palette.AGENT[AgentKind.VEHICLE]
    assert at(picture, view, 10.0, 5.5) == palette.GROUND  # the arrow
    low, high = changed(picture, without).min(axis=0), changed(picture, without).max(axis=0)
    (left, top), (right, bottom) = view.pixels(np.array([[11.0, 7.0], [9.0, 1.0]]))
    np.testing.assert_allclose([*low, *high], [top, left, bottom, right], atol=2.0)


def test_a_parked_car_has_its_own_colour_and_no_velocity():
    view = BirdsEye(straight_road())
    moving = scene(agents=[agent(10.0, 0.0, speed=12.0)])
    ids = moving.agent_id.copy()
    ids[0] = PARKED_FROM_ID
    picture = view.draw(replace(moving, agent_id=ids))
    assert at(picture, view, 8.5, 0.5) == palette.PARKED
    assert at(picture, view, 21.5, 0.0) == palette.SURFACE[LaneKind.DRIVING]
    assert at(view.draw(moving), view, 8.5, 0.5) == palette.AGENT[AgentKind.VEHICLE]


def test_a_crosswalk_is_striped_along_its_longer_side():
    # 4.8 m across the road and 3 m along it: 4 stripes of 0.6 m with gaps as wide, from 3 m left to 1.8 m right.
    corners = np.array([[[10.0, 3.0], [10.0, -1.8], [13.0, -1.8], [13.0, 3.0]]], np.float32)
    for turned in (corners, np.roll(corners, 1, axis=1)):
        view = BirdsEye(replace(straight_road(), crosswalks=turned))
        picture = view.draw(scene())
        for i in range(4):
            left = 3.0 - 1.2 * i
            assert at(picture, view, 11.5, left - 0.6) == palette.CROSSWALK, i  # the middle of its stripe
            assert at(picture, view, 11.5, left - 0.15) != palette.CROSSWALK, i
        assert at(picture, view, 9.5, 0.0) != palette.CROSSWALK


def test_the_goal_is_marked_where_the_route_ends():
    view = BirdsEye(straight_road())
    whole = scene(route=True)
    ending = whole.route_valid.copy()
    ending[20:] = False
    x, y = whole.route[19, :2]
    assert at(view.draw(replace(whole, route_valid=ending)), view, x, y + 0.6) == palette.GOAL
    assert at(view.draw(whole), view, x, y + 0.6) != palette.GOAL


def test_velocity_points_to_the_place_of_the_next_second():
    view = BirdsEye(straight_road())
    still, moving = (view.draw(scene(agents=[agent(10.0, 0.0, speed=v)])) for v in (0.0, 12.0))
    assert at(moving, view, 21.5, 0.0) == palette.AGENT[AgentKind.VEHICLE]
    assert at(still, view, 21.5, 0.0) == palette.SURFACE[LaneKind.DRIVING]
    (end, _), row = changed(still, moving).min(axis=0), view.pixels(np.array([22.0, 0.0]))[1]
    assert abs(end - row) <= 2.0


def test_a_walker_is_ringed_and_a_car_is_not():
    view = BirdsEye(straight_road())
    ring_m = 11 * view.metres_per_px
    for kind, half, ringed in ((AgentKind.WALKER, (0.2, 0.2), True), (AgentKind.VEHICLE, (2.4, 1.0), False)):
        picture = view.draw(scene(agents=[agent(10.0, 0.0, kind=kind, half=half)]))
        assert (at(picture, view, 10.0, ring_m) == palette.AGENT[kind]) == ringed


@pytest.mark.parametrize("state", [LightState.RED, LightState.YELLOW, LightState.GREEN])
def test_a_stop_line_has_the_colour_of_its_light(state):
    view = BirdsEye(straight_road())
    picture = view.draw(scene(lines=[stop_line(15.0, state=state)]))
    assert at(picture, view, 15.0, 0.5) == palette.LIGHT[state]


def test_red_and_green_are_far_apart_and_stay_so_in_a_film(tmp_path):
    view = BirdsEye(straight_road())
    with VideoFile(tmp_path / "lights.mp4", view.size_px, 20.0) as video:
        for state in (LightState.RED, LightState.GREEN):
            video.write(view.draw(scene(lines=[stop_line(15.0, state=state)])))
    film = cv2.VideoCapture(str(tmp_path / "lights.mp4"))
    red, green = (at(film.read()[1], view, 15.0, -2.75) for _ in range(2))  # the lamp, 1 m right of the line
    assert red[2] > red[1] + 120 and green[1] > green[2] + 120


def test_a_stop_sign_shows_whether_the_vehicle_has_stood():
    view = BirdsEye(straight_road())
    for cleared, color in ((False, palette.SIGN), (True, palette.SIGN_CLEARED)):
        line = stop_line(15.0, kind=StopKind.STOP, state=LightState.UNKNOWN, cleared=cleared)
        assert at(view.draw(scene(lines=[line])), view, 15.0, 0.5) == color


def test_rows_that_are_not_valid_draw_nothing():
    view = BirdsEye(straight_road())
    full = scene(agents=[agent(10.0, 0.0)], lines=[stop_line(15.0)], route=True)
    empty = replace(
        full,
        agent_valid=np.zeros_like(full.agent_valid),
        stop_valid=np.zeros_like(full.stop_valid),
        route_valid=np.zeros_like(full.route_valid),
    )
    plain = view.draw(scene())
    assert len(changed(view.draw(full), plain)) > 1000
    assert len(changed(view.draw(empty), plain)) == 0


def test_the_picture_does_not_depend_on_where_and_how_the_scene_lies():
    here = crossing()
    shift, turn = np.array([812.4, -455.7]), 2.1

    def moved(points):
        return to_map(points.astype(float), *shift, turn).astype(np.float32)

    there = replace(
        here, quads=moved(here.quads), quad_yaw=here.quad_yaw + np.float32(turn), stop_lines=moved(here.stop_lines)
    )
    ego = np.array([3.0, 0.4])
    rows = {"agents": [agent(12.0, 3.5, speed=4.0)], "lines": [stop_line(9.0)], "route": True}
    first = BirdsEye(here).draw(scene(pose=(*ego, 0.1), **rows)).astype(int)
    second = BirdsEye(there).draw(scene(pose=(*moved(ego), 0.1 + turn), **rows)).astype(int)
    difference = np.abs(first - second).max(axis=-1)
    # Edges are interpolated, and a mistake of one pixel in 5 would fill far more than they do.
    assert difference.mean() < 1.0 and (difference > 24).mean() < 0.01
    # The moved road under the vehicle's old pose is another picture.
    wrong = BirdsEye(there).draw(scene(pose=(*moved(ego), 0.1 + turn + 0.05), **rows)).astype(int)
    assert np.abs(first - wrong).max(axis=-1).mean() > 2.0


def test_a_long_drive_sees_the_road_that_a_fresh_view_sees():
    view = BirdsEye(straight_road())
    view.draw(scene(pose=(-40.0, 0.0, 0.0)))
    far = scene(pose=(140.0, 0.0, 0.3))  # 180 m on, past the end of the first raster
    assert len(changed(view.draw(far), BirdsEye(straight_road()).draw(far))) == 0


def fan(*ends):
    """Straight candidates that end at these places (x, y)."""
    share = np.arange(1, 7)[:, None] / 6.0
    lines = np.stack([np.concatenate([share * np.array(end), np.zeros((6, 1))], axis=1) for end in ends])
    return Candidates(torch.from_numpy(lines.astype(np.float32)), torch.ones(len(ends), dtype=torch.bool))


def saturation(color):
    """Signed: above 0 cyan (good), below 0 magenta (bad). Green is high in cyan, low in magenta."""
    return color[1] - color[2]


def test_candidates_are_coloured_by_their_advantage_in_the_group():
    view = BirdsEye(straight_road())
    # Mean 0, population std 20 sqrt(2/3) = 16.3: advantages -1.22, 0, 1.22 of a full colour at 2.
    group, returns = fan((30.0, 12.0), (30.0, 0.0), (30.0, -12.0)), torch.tensor([-20.0, 0.0, 20.0])
    picture = view.draw(scene(), candidates=group, returns=returns)
    bad, medium, good = (at(picture, view, 25.0, y) for y in (10.0, 0.0, -10.0))
    assert saturation(bad) < -25 < abs(saturation(medium)) + 25 and saturation(good) > 25
    assert abs(saturation(medium)) < 10
    # The same differences in returns elsewhere mean the same.
    shifted = view.draw(scene(), candidates=group, returns=returns + 300.0)
    assert len(changed(picture, shifted)) == 0


def test_masked_candidates_are_not_drawn_and_do_not_count():
    view, both = BirdsEye(straight_road()), fan((30.0, 12.0), (30.0, -12.0), (0.0, 25.0))
    group = Candidates(both.trajectories, torch.tensor([True, True, False]))
    few = fan((30.0, 12.0), (30.0, -12.0))
    masked = view.draw(scene(), candidates=group, returns=torch.tensor([0.0, 40.0, math.nan]))
    assert len(changed(masked, view.draw(scene(), candidates=few, returns=torch.tensor([0.0, 40.0])))) == 0


def test_candidates_that_are_not_shown_still_count_in_the_group():
    view, group = BirdsEye(straight_road()), fan((30.0, 12.0), (30.0, 0.0), (30.0, -12.0))
    returns, shown = torch.tensor([-20.0, 0.0, 20.0]), torch.tensor([False, False, True])
    every = view.draw(scene(), candidates=group, returns=returns)
    one = view.draw(scene(), candidates=group, returns=returns, shown=shown)
    assert at(one, view, 25.0, -10.0) == at(every, view, 25.0, -10.0)  # its advantage is that within all three
    assert at(one, view, 25.0, 10.0) == at(view.draw(scene()), view, 25.0, 10.0) != at(every, view, 25.0, 10.0)


def test_an_alert_frames_the_picture():
    view = BirdsEye(straight_road(), (300, 200), 0.25)
    quiet, loud = (view.draw(scene(), caption="a", alert=alert) for alert in ("", "off road"))
    for row, column in ((100, 2), (100, 297), (197, 150)):
        assert tuple(loud[row, column]) == palette.ALERT != tuple(quiet[row, column])


def test_the_followed_trajectory_is_thick_and_has_its_advantages_colour():
    view, group = BirdsEye(straight_road()), fan((30.0, 12.0), (30.0, -12.0))
    returns = torch.tensor([-40.0, 40.0])  # advantages -1 and 1
    for chosen, y, sign in ((0, 9.0, -1), (1, -9.0, 1)):
        picture = view.draw(scene(), trajectory=group.trajectories[chosen].numpy(), candidates=group, returns=returns)
        assert sign * saturation(at(picture, view, 22.5, y)) > 40
        row = round(view.pixels(np.array([22.5, 0.0]))[1])
        thin = view.draw(scene(), candidates=group, returns=returns)
        across = (picture[row] != thin[row]).any(axis=-1)
        assert 6 <= across.sum() <= 14
        assert (picture[row, across].min(axis=-1) > 200).sum() >= 2  # its white border
    alone = view.draw(scene(), trajectory=group.trajectories[0].numpy())
    assert at(alone, view, 25.0, 10.0) == palette.UNJUDGED


def test_a_long_caption_ends_inside_the_picture():
    view = BirdsEye(straight_road(), (400, 300))
    picture = view.draw(scene(), caption="held_out " * 8)
    strip = picture[:20]
    assert (strip[:, -7:] == palette.PANEL).all()  # the margin
    assert (strip[:, 330:393] != palette.PANEL).any()  # set as large as fits


@pytest.mark.parametrize("name", ["drive.mp4", "drive.webm"])
def test_a_film_is_read_back_frame_by_frame(tmp_path, name, capfd):
    view, path = BirdsEye(straight_road(), (320, 240), 0.25), tmp_path / "new" / name
    pictures = [view.draw(scene(pose=(2.0 * i, 0.0, 0.2 * i))) for i in range(7)]
    with VideoFile(path, view.size_px, 20.0) as video:
        for picture in pictures:
            video.write(picture)
        assert not path.exists()  # only complete files have the name
    assert [file.name for file in path.parent.iterdir()] == [name]
    assert capfd.readouterr().err == ""
    film = cv2.VideoCapture(str(path))
    assert film.get(cv2.CAP_PROP_FPS) == 20.0
    for picture in pictures:
        found, frame = film.read()
        assert found and np.abs(frame.astype(int) - picture).mean() < 6.0
    assert not film.read()[0]


def test_a_film_that_fails_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match="expected uint8"), VideoFile(tmp_path / "a.mp4", (64, 48), 20.0) as video:
        video.write(np.zeros((64, 48, 3), np.uint8))
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_encoded_is_refused(tmp_path):
    with pytest.raises(ValueError, match=".mp4"):
        VideoFile(tmp_path / "a.avi", (64, 48), 20.0)
    with pytest.raises(ValueError, match="even"):
        VideoFile(tmp_path / "a.mp4", (63, 48), 20.0)
