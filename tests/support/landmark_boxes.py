"""Trigger boxes of traffic lights, computed from the map's landmarks without a server."""

import math

import numpy as np

from craft.scene.light_box import LightBox

LIGHT = "1000001"


def light_boxes(carla_map):
    """One box for each light: across its lanes, 2 m before the light."""
    boxes = []
    for light in carla_map.get_all_landmarks_of_type(LIGHT):
        low, high = light.get_lane_validities()[0]
        lanes = [carla_map.get_waypoint_xodr(light.road_id, lane, light.s) for lane in range(low, high + 1)]
        behind = [lane.previous(2.0)[0].transform.location for lane in lanes]
        x, y = np.mean([p.x for p in behind]), -np.mean([p.y for p in behind])
        road_yaw = -math.radians(lanes[0].transform.rotation.yaw)
        # CARLA's lights look across the road: turned by 90 degrees to its right, so minus 90 degrees in ROS's sense
        box_yaw = road_yaw - math.pi / 2
        boxes.append(LightBox(int(light.id), float(x), float(y), box_yaw, 0.5 * len(lanes) * lanes[0].lane_width, 1.0))
    return boxes
