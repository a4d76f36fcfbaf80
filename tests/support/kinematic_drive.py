"""A closed loop without a simulator: builder, driver, controller, vehicle response and event monitor."""

from dataclasses import dataclass

import numpy as np
from shapely.geometry import Polygon

from craft.events import EventMonitor
from craft.perception import Collision, ObservationBuilder
from craft.policies.controller import TrajectoryController
from craft.scene.timing import FRAME_DT_S, FRAMES_PER_DECISION
from craft.vehicle.response import step
from frames_by_hand import frame

HALF_LENGTH, HALF_WIDTH = 2.446, 0.918


def rectangle(x, y, yaw, half_length, half_width):
    """An oriented rectangle for shapely."""
    ahead, left = np.array([np.cos(yaw), np.sin(yaw)]), np.array([-np.sin(yaw), np.cos(yaw)])
    return Polygon(
        [[x, y] + a * half_length * ahead + b * half_width * left for a, b in ((1, 1), (1, -1), (-1, -1), (-1, 1))]
    )


@dataclass
class Driven:
    """What happened: `states` [frames, 5] stamp, x, y, yaw, speed; all events; progress at the end [m]."""

    states: np.ndarray
    events: list
    progress_m: float
    trajectories: list


def drive(driver, road, route, rows_at=lambda t: (), lights_at=lambda t: None, seconds=40.0, speed=0.0):
    """Drive until the goal is 5 m away, a collision happens or the time is over.

    Args:
        driver: With reset() and decide(observation).
        road, route: The world.
        rows_at: Time [s] -> rows of the others (frames_by_hand.objects).
        lights_at: Time [s] -> light states.
        seconds: At most.
        speed: At the start [m/s].
    """
    builder, monitor, controller = (
        ObservationBuilder(road, HALF_LENGTH, HALF_WIDTH),
        EventMonitor(road),
        TrajectoryController(),
    )
    builder.begin(1, route, 0.0)
    monitor.begin(1)
    driver.reset()
    x, y, yaw = (*route.points[0], route.yaw[0])
    states, events, trajectories = [], [], []
    for k in range(round(seconds / FRAME_DT_S)):
        t = k * FRAME_DT_S
        rows = rows_at(t)
        ego = rectangle(x, y, yaw, HALF_LENGTH, HALF_WIDTH)
        hits = [Collision(t, row[0], 1.0) for row in rows if ego.intersects(rectangle(*row[2:5], *row[6:8]))]
        seen = builder.observe(frame(t, x, y, yaw, speed, rows, lights_at(t), hits))
        states.append((t, x, y, yaw, speed))
        events += monitor.observe(seen, hits)
        if hits or seen.route_progress_m > seen.route_length_m - 5.0:
            break
        if k % FRAMES_PER_DECISION == 0:
            trajectory, origin, decided = driver.decide(seen), (x, y, yaw), t
            trajectories.append(trajectory)
        controls = controller.follow(trajectory, origin, (x, y, yaw), t - decided, speed)
        x, y, yaw, speed = step(x, y, yaw, speed, *controls)
    return Driven(np.array(states), events, seen.route_progress_m, trajectories)
