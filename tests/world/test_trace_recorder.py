"""The trace of an episode, from frames made by hand."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from craft.events import Event, EventKind
from craft.scene import AgentKind
from craft.world.trace_recorder import TRAFFIC_RANGE_M, TraceRecorder
from frames_by_hand import frame

CAR = (AgentKind.VEHICLE, 2.4, 1.0)


def car(actor_id, x, speed):
    kind, half_length, half_width = CAR
    return (actor_id, kind, x, 0.0, 0.5, speed, half_length, half_width)


def record(frames, background=()):
    recorder = TraceRecorder(lambda: background)
    for k, given in enumerate(frames):
        recorder.world(given, [])
        recorder.frame(SimpleNamespace(route_progress_m=2.0 * k, route_length_m=80.0))
    return recorder.trace()


def test_velocity_turns_with_the_vehicle_and_acceleration_points_into_the_curve():
    """8 m/s on a circle of 16 m, turning left: 0.5 rad/s and 8^2 / 16 = 4 m/s2 to the left."""
    yaws = 0.3 + 0.5 * 0.05 * np.arange(5)
    trace = record([frame(7.0 + 0.05 * k, x=k, y=-k, yaw=yaw, speed=8.0) for k, yaw in enumerate(yaws)])
    assert trace.velocity == pytest.approx(8.0 * np.stack([np.cos(yaws), np.sin(yaws)], axis=1))
    middle = yaws[1:] - 0.0125
    assert trace.acceleration[1:] == pytest.approx(4.0 * np.stack([-np.sin(middle), np.cos(middle)], axis=1), abs=1e-3)
    assert trace.acceleration[0].tolist() == [0.0, 0.0]
    assert trace.pose[3].tolist() == [3.0, -3.0, yaws[3]]
    assert (trace.progress_m.tolist(), trace.route_length_m, trace.dt_s) == ([0.0, 2.0, 4.0, 6.0, 8.0], 80.0, 0.05)


def test_traffic_is_the_background_cars_around():
    near = [car(1, 10.0, 4.0), car(2, -30.0, 8.0)]
    others = [car(3, 20.0, 50.0), car(4, TRAFFIC_RANGE_M + 1.0, 50.0)]  # of the scenario, and too far away
    trace = record([frame(0.0, rows=near + others), frame(0.05, rows=others)], background=[1, 2, 4])
    assert trace.traffic_mps[0] == pytest.approx(6.0)
    assert math.isnan(trace.traffic_mps[1])


def test_events_and_the_first_stamp_are_kept():
    event = Event(EventKind.RED_LIGHT, 5.05, 0.0, 0.0, 3, True, "ran a red light")
    recorder = TraceRecorder(lambda: ())
    recorder.world(frame(5.0), [])
    recorder.world(frame(5.05), [event])
    assert (recorder.events, recorder.begin_s) == ([event], 5.0)
