"""Recorded driving: futures against closed forms, shards there and back, damaged shards named."""

import os

import numpy as np
import pytest

from craft.policies.dataset import DatasetWriter, read_dataset
from craft.policies.futures import futures
from synthetic_driving import arc_pose, arc_scene

DT = 0.05


def circle(count, radius=20.0, speed=6.0):
    """Poses on a circle around (5, -3), and their stamps."""
    stamps = 100.0 + DT * np.arange(count)
    angle = 2.0 + speed / radius * DT * np.arange(count)
    yaw = angle + np.pi / 2
    return np.stack([5.0 + radius * np.cos(angle), -3.0 + radius * np.sin(angle), yaw], -1), stamps


def test_futures_of_a_circle_are_the_same_arc_everywhere():
    # In the ego frame an arc of radius R at speed v: x = R sin(v t / R), y = R (1 - cos(v t / R)), yaw = v t / R.
    poses, stamps = circle(400)
    trajectories, valid = futures(poses, stamps)
    turned = 6.0 / 20.0 * 0.5 * np.arange(1, 7)
    wanted = np.stack([20.0 * np.sin(turned), 20.0 * (1.0 - np.cos(turned)), turned], -1)
    assert valid.sum() == 400 - 60  # 3 s are 60 frames
    assert valid[:340].all()
    np.testing.assert_allclose(trajectories[valid], np.broadcast_to(wanted, (340, 6, 3)), atol=1e-5)
    assert not trajectories[~valid].any()


def test_a_gap_in_the_stamps_makes_the_futures_across_it_invalid():
    poses, stamps = circle(200)
    kept = np.delete(np.arange(200), 100)
    _, valid = futures(poses[kept], stamps[kept])
    # Frame 100 is missing: it is the future of frames 90, 80, 70, 60, 50, 40 only.
    wanted = np.setdiff1d(np.setdiff1d(np.arange(140), [90, 80, 70, 60, 50, 40]), [100])
    assert np.array_equal(kept[valid], wanted)


def test_a_future_with_a_disturbed_frame_is_invalid_but_the_recovery_after_it_is_not():
    poses, stamps = circle(200)
    noisy = np.zeros(200, bool)
    noisy[95:101] = True
    _, valid = futures(poses, stamps, noisy)
    # Frame i looks at (i, i + 60]: it meets 95..100 for 35 <= i <= 99.
    assert np.array_equal(np.flatnonzero(valid), np.r_[0:35, 100:140])


def test_short_and_malformed_recordings():
    trajectories, valid = futures(np.zeros((0, 3)), np.zeros(0))
    assert trajectories.shape == (0, 6, 3) and valid.shape == (0,)
    assert not futures(*circle(30))[1].any()
    poses, stamps = circle(30)
    with pytest.raises(ValueError, match="rising stamps"):
        futures(poses, stamps[::-1])
    with pytest.raises(ValueError, match=r"poses \[N, 3\]"):
        futures(poses[:, :2], stamps)


def record(writer, episode, frames=120, speed=6.0, curvature=0.05, noisy=()):
    for frame in range(frames):
        pose = arc_pose(np.float64(speed * DT * frame), curvature)
        scene = arc_scene(
            speed=speed, limit=9.0, curvature=curvature, episode=episode, frame=frame, pose=pose, light=50.0
        )
        writer.add(scene, noisy=frame in noisy)


def test_what_was_recorded_is_read_back(tmp_path):
    writer = DatasetWriter(tmp_path / "data")
    record(writer, episode=4)
    path = writer.end_episode()
    record(writer, episode=9, curvature=0.0, noisy=range(71))
    writer.end_episode()
    assert path.name == "episode_000004.npz"
    assert sorted(os.listdir(tmp_path / "data")) == ["episode_000004.npz", "episode_000009.npz"]
    dataset = read_dataset(tmp_path / "data")
    # Decision frames 0, 5, ..., 55 of 120 have 3 s after them. Those of episode 9 are disturbed: frames up to 70 are,
    # and frames from 60 on have no 3 s left.
    assert dataset.episode.tolist() == [4] * 12
    wanted = arc_pose(6.0 * 0.5 * np.arange(1, 7), 0.05)
    np.testing.assert_allclose(dataset.futures, np.broadcast_to(wanted, (12, 6, 3)), atol=1e-4)
    scene = arc_scene(
        speed=6.0, limit=9.0, curvature=0.05, episode=4, frame=10, pose=arc_pose(np.float64(3.0), 0.05), light=50.0
    )
    for name in ("ego", "agents", "agent_valid", "route", "route_valid", "stop_lines", "stop_valid"):
        np.testing.assert_array_equal(getattr(dataset.batch, name)[2], getattr(scene, name))
    assert float(dataset.batch.route_remaining_m[2]) == 490.0


def test_a_number_of_episodes_can_be_chosen(tmp_path):
    writer = DatasetWriter(tmp_path)
    for episode in (1, 2, 3):
        record(writer, episode, frames=65)
        writer.end_episode()
    assert read_dataset(tmp_path, episodes=2).episode.unique().tolist() == [1, 2]


def test_a_discarded_episode_leaves_nothing(tmp_path):
    writer = DatasetWriter(tmp_path)
    record(writer, episode=1)
    writer.discard_episode()
    assert os.listdir(tmp_path) == []
    with pytest.raises(ValueError, match="no episode to write"):
        writer.end_episode()


def test_frames_of_two_episodes_are_not_mixed(tmp_path):
    writer = DatasetWriter(tmp_path)
    record(writer, episode=1, frames=3)
    with pytest.raises(ValueError, match="episode 2 while episode 1"):
        record(writer, episode=2, frames=1)


@pytest.mark.parametrize("damage", ["cut", "flip", "text", "empty"])
def test_a_damaged_shard_is_named(tmp_path, damage):
    writer = DatasetWriter(tmp_path)
    for episode in (1, 2):
        record(writer, episode)
        path = writer.end_episode()
    data = bytearray(path.read_bytes())
    if damage == "cut":
        data = data[: len(data) // 2]
    elif damage == "flip":
        data[data.index(b"route.npy") + 300] ^= 255
    elif damage == "text":
        data = b"not a shard"
    else:
        data = b""
    path.write_bytes(data)
    with pytest.raises(ValueError, match="episode_000002.npz is damaged.*craft collect"):
        read_dataset(tmp_path)


def test_a_folder_without_shards_and_one_without_a_whole_future_are_explained(tmp_path):
    with pytest.raises(ValueError, match="no expert episode in .*craft collect"):
        read_dataset(tmp_path)
    writer = DatasetWriter(tmp_path)
    record(writer, episode=1, frames=40)
    writer.end_episode()
    with pytest.raises(ValueError, match="no state in .* has 3 s of undisturbed driving"):
        read_dataset(tmp_path)
