"""The road map against shapely, against carla.Map's own waypoints, and against hand-written OpenDRIVE."""

import math
import re
import subprocess
import sys
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
import shapely

import carla_light
from carla_light.towns import load
from craft.scene import LaneKind, StopKind
from craft.scene.frames import wrap_angle
from craft.world.opendrive import open_map, road_map_from_opendrive
from craft.world.simulation import Simulation, WorldConfig
from landmark_boxes import LIGHT, light_boxes

TOWN = "craft_town"


@pytest.fixture(scope="module")
def xodr():
    return load(TOWN)


@pytest.fixture(scope="module")
def town(xodr):
    return open_map(TOWN, xodr)


@pytest.fixture(scope="module")
def road(xodr, town):
    return road_map_from_opendrive(TOWN, xodr, light_boxes(town))


@pytest.fixture(scope="module")
def polygons(road):
    return shapely.polygons(road.quads.astype(np.float64))


@pytest.fixture(scope="module")
def tree(polygons):
    return shapely.STRtree(polygons)


def place(waypoint):
    return waypoint.transform.location.x, -waypoint.transform.location.y


def heading(waypoint):
    return -math.radians(waypoint.transform.rotation.yaw)


# ---- quads -----------------------------------------------------------------------------------------------------------


def assert_convex_and_counter_clockwise(quads):
    edge = np.roll(quads, -1, axis=1) - quads
    after = np.roll(edge, -1, axis=1)
    turn = edge[..., 0] * after[..., 1] - edge[..., 1] * after[..., 0]
    assert (turn > -1e-4).all()  # float32 coordinates of some hundred metres: 3e-5 m each
    area = 0.5 * (quads[..., 0] * np.roll(quads[..., 1], -1, 1) - quads[..., 1] * np.roll(quads[..., 0], -1, 1)).sum(1)
    assert (area > 0.0).all()


def test_quads_are_convex_counter_clockwise_and_short(road):
    quads = road.quads.astype(np.float64)
    assert_convex_and_counter_clockwise(quads)
    middle = 0.5 * (quads[:, 2] + quads[:, 3]) - 0.5 * (quads[:, 0] + quads[:, 1])
    length = np.hypot(*middle.T)
    # at most 2 m along the reference line; the outer lane of a curve is longer, up to the sidewalk of the tightest one
    assert length.max() < 2.0 * 2.2
    assert np.median(length) == pytest.approx(2.0, abs=0.05)
    # rear and front middle lie in the direction of travel
    assert np.abs(wrap_angle(np.arctan2(middle[:, 1], middle[:, 0]) - road.quad_yaw)).max() < 1e-3


def test_area_outside_junctions_is_the_analytic_one(xodr, road, polygons):
    """A strip beside a reference line covers length times width, plus the band between two parallel arcs.

    A lane from offset a to b (metres to the left) of an arc with curvature k and length l covers l (b - a) - k l
    (b^2 - a^2) / 2. Lanes of one road do not overlap, so the area of their union is the sum.
    """
    expected = 0.0
    for element in ElementTree.fromstring(xodr).iter("road"):
        if element.get("junction") != "-1":
            continue
        pieces = [
            (float(g.get("length")), 0.0 if g.find("arc") is None else float(g.find("arc").get("curvature")))
            for g in element.iter("geometry")
        ]
        for side, sign in (("left", 1.0), ("right", -1.0)):
            outer = sum(float(lane.find("width").get("a")) for lane in element.find(f".//{side}").iter("lane"))
            expected += sum(length * outer - k * length * sign * outer**2 / 2.0 for length, k in pieces)
    outside = polygons[~road.quad_junction]
    assert shapely.union_all(outside).area == pytest.approx(expected, rel=2e-4)
    assert shapely.area(outside).sum() == pytest.approx(expected, rel=2e-4), "no two lanes overlap"


def test_every_waypoint_lies_in_a_quad_of_its_lane_that_runs_its_way(town, road, tree):
    waypoints = town.generate_waypoints(1.7)
    points = shapely.points([place(w) for w in waypoints])
    found = tree.query(points, predicate="dwithin", distance=1e-3)
    lane_of_quad = {}  # one number stands for one (road, section, lane), and the other way round
    hit = np.zeros(len(waypoints), bool)
    limits = np.zeros(len(waypoints))
    for k, quad in found.T:
        if road.quad_kind[quad] != LaneKind.DRIVING or road.quad_junction[quad] != waypoints[k].is_junction:
            continue
        key = (waypoints[k].road_id, waypoints[k].section_id, waypoints[k].lane_id)
        if not waypoints[k].is_junction:
            # the quads of a lane's neighbours touch its border only, 1.6 m from its middle
            assert lane_of_quad.setdefault(key, road.quad_lane[quad]) == road.quad_lane[quad]
        # over 2 m of the tightest right turn (radius 7 m) the lane turns 16 degrees, half of it on each side
        if abs(wrap_angle(heading(waypoints[k]) - road.quad_yaw[quad])) < math.radians(9.0):
            hit[k] = True
            limits[k] = road.quad_speed_limit[quad]
    assert hit.all()
    assert len(set(lane_of_quad.values())) == len(lane_of_quad)
    assert (limits > 0.0).all()


def test_left_hand_lanes_run_against_the_road(town, road, tree):
    ahead = town.get_waypoint_xodr(14, -1, 50.0)
    against = town.get_waypoint_xodr(14, 1, 50.0)
    yaws = []
    for waypoint in (ahead, against):
        (quad,) = tree.query(shapely.Point(place(waypoint)), predicate="intersects")[:1]
        yaws.append(float(road.quad_yaw[quad]))
    # road 14 runs east along the arterial
    assert yaws[0] == pytest.approx(0.0, abs=1e-3)
    assert abs(yaws[1]) == pytest.approx(math.pi, abs=1e-3)


def test_kinds_of_surface(town, road, tree):
    for lane, kind in (
        (-1, LaneKind.DRIVING),
        (-2, LaneKind.DRIVING),
        (-3, LaneKind.SHOULDER),
        (-4, LaneKind.SIDEWALK),
    ):
        (quad,) = tree.query(shapely.Point(place(town.get_waypoint_xodr(14, lane, 51.0))), predicate="intersects")[:1]
        assert road.quad_kind[quad] == kind
    assert (road.quad_kind == LaneKind.PARKING).sum() > 100
    assert road.quad_kind[road.quad_junction].tolist().count(LaneKind.PARKING) == 0


def test_the_map_is_the_same_every_time(xodr, town, road):
    again = road_map_from_opendrive(TOWN, xodr, light_boxes(town))
    for name in ("quads", "quad_yaw", "quad_lane", "quad_speed_limit", "stop_lines", "stop_id", "crosswalks"):
        assert np.array_equal(getattr(again, name), getattr(road, name))


# ---- speed limits ----------------------------------------------------------------------------------------------------


def test_speed_limits_follow_the_signs(xodr, town, road, tree):
    signed = {
        element.get("id"): float(element.find("signals/signal[@type='274']").get("value"))
        for element in ElementTree.fromstring(xodr).iter("road")
        if element.get("junction") == "-1"
    }
    for w in town.generate_waypoints(9.0):
        if not w.is_junction:
            quads = tree.query(shapely.Point(place(w)), predicate="dwithin", distance=1e-3)
            quads = quads[~road.quad_junction[quads]]
            assert road.quad_speed_limit[quads] * 3.6 == pytest.approx(signed[str(w.road_id)])
    turns = road.quad_speed_limit[road.quad_junction] * 3.6
    assert turns.min() == pytest.approx(30.0)  # connecting roads that turn
    assert turns.max() == pytest.approx(60.0)  # straight on along the arterial


def sign_road(road_id, signals, *, predecessor=None, successor=None, start=0.0, kmh=None):
    """A straight road of one driving lane, 100.3 m long, running east from x = start."""
    link = "".join(
        f'<{tag} elementType="road" elementId="{other}" contactPoint="{contact}"/>'
        for tag, other, contact in (("predecessor", predecessor, "end"), ("successor", successor, "start"))
        if other is not None
    )
    lane_link = "".join(
        f'<{tag} id="-1"/>' for tag, other in (("predecessor", predecessor), ("successor", successor)) if other
    )
    kind = f'<type s="0" type="town"><speed max="{kmh}" unit="km/h"/></type>' if kmh else ""
    signs = "".join(
        f'<signal id="{road_id}{k}" name="s" s="{s}" t="-3" zOffset="2" hOffset="0" roll="0" pitch="0" orientation="-" '
        f'dynamic="no" country="OpenDRIVE" type="{code}" subtype="-1" value="{value}" unit="km/h" height="1" width="1">'
        f'<validity fromLane="-1" toLane="-1"/></signal>'
        for k, (code, s, value) in enumerate(signals)
    )
    return (
        f'<road name="r" length="100.3" id="{road_id}" junction="-1"><link>{link}</link>{kind}<planView>'
        f'<geometry s="0" x="{start}" y="0" hdg="0" length="100.3"><line/></geometry></planView><lanes>'
        f'<laneSection s="0"><center><lane id="0" type="none" level="false"/></center><right>'
        f'<lane id="-1" type="driving" level="false"><link>{lane_link}</link>'
        f'<width sOffset="0" a="3.5" b="0" c="0" d="0"/></lane></right></laneSection></lanes>'
        f"<signals>{signs}</signals></road>"
    )


def document(*roads):
    return f'<OpenDRIVE><header revMajor="1" revMinor="4" name="hand"/>{"".join(roads)}</OpenDRIVE>'


def limits_kmh(road_map):
    """(x of the quad's middle, limit) of all quads, by x."""
    x = road_map.quads[:, :, 0].mean(axis=1)
    order = np.argsort(x)
    return x[order], road_map.quad_speed_limit[order] * 3.6


def test_a_limit_holds_until_the_next_sign():
    text = document(
        sign_road(1, [("274", 20.0, 30), ("274", 60.0, 70)], successor=2),
        sign_road(2, [], predecessor=1, start=100.3, kmh=120),
    )
    x, kmh = limits_kmh(road_map_from_opendrive("hand", text, []))
    assert kmh[x < 59.0] == pytest.approx(30.0)  # the first sign counts from the road's beginning
    assert kmh[x > 61.0] == pytest.approx(70.0)  # carried on to road 2, whose type says nothing against a sign
    assert x.max() > 199.0


def test_without_signs_the_road_type_counts_then_the_default():
    text = document(sign_road(1, [], kmh=80), sign_road(2, [], start=500.0))
    x, kmh = limits_kmh(road_map_from_opendrive("hand", text, []))
    assert kmh[x < 101.0] == pytest.approx(80.0)
    assert kmh[x > 499.0] == pytest.approx(50.0)


# ---- stop lines ------------------------------------------------------------------------------------------------------


def controlled_lanes(town):
    """(kind, id, last point of the lane before the junction), from the landmarks' validities."""
    for code, kind in ((LIGHT, StopKind.LIGHT), ("206", StopKind.STOP), ("205", StopKind.YIELD)):
        for landmark in town.get_all_landmarks_of_type(code):
            low, high = landmark.get_lane_validities()[0]
            for lane in range(low, high + 1):
                w = town.get_waypoint_xodr(landmark.road_id, lane, landmark.s)
                yield kind, int(landmark.id), w.next_until_lane_end(0.01)[-1]


def assert_lines_at_entries(road, town, lights_too=True):
    """Each controlled lane has one line; it crosses the lane squarely, at most 0.1 m before the junction."""
    wanted = [item for item in controlled_lanes(town) if lights_too or item[0] != StopKind.LIGHT]
    assert len(wanted) == len(road.stop_lines) > 20
    middles = road.stop_lines.mean(axis=1)
    for kind, stop_id, entry in wanted:
        x, y = place(entry)
        k = int(np.argmin(np.hypot(middles[:, 0] - x, middles[:, 1] - y)))
        assert np.hypot(middles[k, 0] - x, middles[k, 1] - y) < 0.1
        assert (road.stop_kind[k], road.stop_id[k]) == (kind, stop_id)
        assert abs(wrap_angle(road.stop_yaw[k] - heading(entry))) < 1e-3
        left, right = road.stop_lines[k].astype(np.float64)
        across = left - right
        # 0.6 lane widths to each side, the left end to the left of the direction of travel
        assert np.hypot(*across) == pytest.approx(1.2 * entry.lane_width, rel=1e-3)
        square = np.cos(road.stop_yaw[k]) * across[1] - np.sin(road.stop_yaw[k]) * across[0]
        assert square == pytest.approx(np.hypot(*across), rel=1e-4)
        lane = shapely.LineString([place(w) for w in (*entry.previous(3.0), *entry.next(3.0))])
        assert lane.intersects(shapely.LineString([left, right]))


def test_stop_lines_lie_at_the_junction_entries(road, town):
    assert_lines_at_entries(road, town)


def test_the_running_servers_boxes_give_the_same_lines(xodr, town):
    with carla_light.Server() as server:
        simulation = Simulation(WorldConfig(port=server.port))
        boxes = simulation.light_boxes
        simulation.close()
    road = road_map_from_opendrive(TOWN, xodr, boxes)
    by_landmarks = road_map_from_opendrive(TOWN, xodr, light_boxes(town))
    got, want = (
        shapely.multipoints(r.stop_lines[r.stop_kind == StopKind.LIGHT].mean(axis=1)) for r in (road, by_landmarks)
    )
    assert len(got.geoms) == len(want.geoms)
    assert got.hausdorff_distance(want) < 0.1
    assert set(road.stop_id[road.stop_kind == StopKind.LIGHT].tolist()) == {box.id for box in boxes}


def test_a_wide_box_does_not_catch_the_oncoming_lanes(xodr, town):
    wide = [replace(box, half_x=box.half_x + 6.0) for box in light_boxes(town)]
    road = road_map_from_opendrive(TOWN, xodr, wide)
    narrow = road_map_from_opendrive(TOWN, xodr, light_boxes(town))
    assert len(road.stop_lines) == len(narrow.stop_lines)


def test_signs_referenced_inside_the_junction_stop_before_it(xodr):
    """CARLA's own towns put signalReferences on connecting roads; the line still belongs before the junction."""
    root = ElementTree.fromstring(xodr)
    roads = {element.get("id"): element for element in root.iter("road")}
    moved = 0
    for element in roads.values():
        for sign in element.findall("signals/signal[@type='206']"):
            low = sign.find("validity").get("fromLane")
            connecting = next(
                road
                for road in roads.values()
                if road.get("junction") != "-1"
                and road.find("link/predecessor").get("elementId") == element.get("id")
                and road.find(".//lane[@id='-1']/link/predecessor").get("id") == low
            )
            reference = ElementTree.SubElement(
                connecting.find("signals"), "signalReference", id=sign.get("id"), s="4", t="0", orientation="-"
            )
            ElementTree.SubElement(reference, "validity", fromLane="-1", toLane="-1")
            moved += 1
    assert moved > 10
    road = road_map_from_opendrive(TOWN, ElementTree.tostring(root, encoding="unicode"), [])
    plain = road_map_from_opendrive(TOWN, xodr, [])
    assert len(road.stop_lines) == len(plain.stop_lines), "no sign has two lines on one lane"
    assert np.abs(road.stop_lines - plain.stop_lines).max() < 0.1


def test_a_sign_without_a_junction_stops_where_it_stands():
    road = road_map_from_opendrive("hand", document(sign_road(1, [("206", 40.0, -1)])), [])
    # lane -1 is centred at y = -1.75; travel is east, so left is up
    assert road.stop_lines[0].tolist() == pytest.approx(np.array([[40.0, 0.35], [40.0, -3.85]]), abs=1e-3)
    assert road.stop_kind.tolist() == [StopKind.STOP]


# ---- crosswalks ------------------------------------------------------------------------------------------------------


def test_crosswalks_are_rectangles_on_the_road_behind_the_stop_lines(road, polygons):
    assert len(road.crosswalks) > 40
    surface = shapely.union_all(shapely.buffer(polygons, 0.01))
    for corners in road.crosswalks.astype(np.float64):
        rectangle = shapely.Polygon(corners)
        assert rectangle.area == pytest.approx(rectangle.minimum_rotated_rectangle.area, rel=1e-3)
        # between the paths that part at a T-junction there is a wedge that no lane covers
        assert rectangle.difference(surface).area < 0.1 * rectangle.area
        # vehicles that wait at a line leave the crosswalk free
        assert not rectangle.intersects(shapely.MultiLineString(list(road.stop_lines.astype(np.float64))))


# ---- bad maps --------------------------------------------------------------------------------------------------------

BROKEN = {
    "not XML": (lambda x: x[:5000], "not well-formed XML"),
    "empty": (lambda x: "", "not well-formed XML"),
    "another format": (lambda x: "<osm/>", "begins with <osm>"),
    "no roads": (lambda x: "<OpenDRIVE/>", "has no road"),
    "a missing signal": (
        lambda x: x.replace("</signals>", '<signalReference id="99999" s="1" t="1" orientation="+"/></signals>', 1),
        "road 14 has a signalReference to signal 99999, which does not exist",
    ),
    "a missing road": (
        lambda x: x.replace('elementType="road" elementId="14"', 'elementType="road" elementId="9999"', 1),
        "is road 9999, which does not exist",
    ),
    "a missing junction": (
        lambda x: x.replace('elementType="junction" elementId="1"', 'elementType="junction" elementId="9999"', 1),
        "is junction 9999, which does not exist",
    ),
    "a missing connecting road": (
        lambda x: re.sub(r'connectingRoad="\d+"', 'connectingRoad="9999"', x, count=1),
        "connectingRoad 9999, which does not exist",
    ),
    "a missing lane": (
        lambda x: re.sub(r'<successor id="-?\d+" ?/>', '<successor id="-9"/>', x, count=1),
        "is lane -9, which does not exist",
    ),
    "a missing light": (
        lambda x: re.sub(r'signalId="\d+"', 'signalId="9999"', x, count=1),
        "controls signal 9999, which does not exist",
    ),
    "no geometry": (
        lambda x: re.sub(r"<planView>.*?</planView>", "<planView/>", x, count=1, flags=re.DOTALL),
        "road 14 has no geometry",
    ),
    "no lanes": (
        lambda x: re.sub(r"<lanes>.*?</lanes>", "<lanes/>", x, count=1, flags=re.DOTALL),
        "road 14 has no laneSection",
    ),
    "a length that is no number": (
        lambda x: re.sub(r'length="[\d.]+" id="14"', 'length="long" id="14"', x, count=1),
        "road 14 has length='long', expected a number",
    ),
    "a length beyond the geometry": (
        lambda x: re.sub(r'length="[\d.]+" id="14"', 'length="5000" id="14"', x, count=1),
        "its geometry ends at",
    ),
    "a coordinate that is no number": (
        lambda x: re.sub(r'(<geometry s="0" x=")[^"]*', r"\1nan", x, count=1),
        "the geometry of road 14 has x='nan'",
    ),
    "two roads of one id": (
        lambda x: x.replace('id="15" junction="-1"', 'id="14" junction="-1"', 1),
        "two roads with the id 14",
    ),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_broken_maps_are_refused_with_one_message(xodr, broken):
    damage, message = BROKEN[broken]
    text = damage(xodr)
    assert text != xodr
    with pytest.raises(ValueError, match=message) as caught:
        road_map_from_opendrive("wreck", text, [])
    assert "'wreck'" in str(caught.value)
    with pytest.raises(ValueError, match=message):
        open_map("wreck", text)


@pytest.mark.parametrize("broken", ["a missing signal", "a missing lane", "no geometry"])
def test_carla_map_itself_does_not_survive_them(xodr, broken, tmp_path):
    """Why the check is there; when a newer client survives, it may go."""
    file = tmp_path / "wreck.xodr"
    file.write_text(BROKEN[broken][0](xodr))
    code = "import carla, sys; carla.Map('wreck', open(sys.argv[1]).read())"
    assert subprocess.run([sys.executable, "-c", code, str(file)], capture_output=True, check=False).returncode < 0
