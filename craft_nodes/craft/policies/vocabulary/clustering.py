"""The trajectory vocabulary: expert futures clustered by k-means."""

import hashlib

import numpy as np
import torch

from craft.scene.candidates import TRAJECTORY_STEPS

MAX_CLUSTERED = 20_000  # futures used; more cost time and move no centre by much (ours)
MAX_ITERATIONS = 50


def build_vocabulary(futures: np.ndarray, size: int, seed: int) -> np.ndarray:
    """Clusters expert futures into a vocabulary; entry 0 is standing still.

    Each entry is the member that is nearest to its cluster's centre, so it is a motion that was really driven.

    Args:
        futures: float32 [N, T, 3], x, y [m], yaw [rad], ego frame.
        size: Entries of the vocabulary, standing included.
        seed: Of the sub-sampling and of the first centres.

    Returns:
        float32 [size, T, 3], sorted by the distance driven, then by the end's lateral position.

    Raises:
        ValueError: Not enough different futures.
    """
    if futures.ndim != 3 or futures.shape[1:] != (TRAJECTORY_STEPS, 3) or not np.isfinite(futures).all():
        raise ValueError(
            f"futures must be finite and [N, {TRAJECTORY_STEPS}, 3], not {list(futures.shape)} with "
            f"{int((~np.isfinite(futures)).sum())} values that are not finite"
        )
    rng = np.random.default_rng(seed)
    if len(futures) > MAX_CLUSTERED:
        futures = futures[np.sort(rng.choice(len(futures), MAX_CLUSTERED, replace=False))]
    points = futures[..., :2].reshape(len(futures), -1).astype(np.float64)
    moving = np.abs(points).max(axis=1) > 0.05  # [m]; the others are what entry 0 stands for
    futures, points = futures[moving], points[moving]
    distinct = np.unique(points.round(3), axis=0, return_index=True)[1]
    if len(distinct) < size - 1:
        raise ValueError(
            f"{len(distinct)} different expert futures do not make a vocabulary of {size}; collect more episodes with "
            "`craft collect`"
        )
    centres, _ = kmeans(points, size - 1, rng)
    members = []
    for centre in centres:
        member = int(np.square(points[distinct] - centre).sum(1).argmin())
        members.append(distinct[member])
        distinct = np.delete(distinct, member)  # no entry twice
    entries = futures[members]
    driven = np.linalg.norm(np.diff(entries[..., :2], axis=1, prepend=0.0), axis=-1).sum(1)
    order = np.lexsort((entries[:, -1, 1], driven))
    standing = np.zeros((1, TRAJECTORY_STEPS, 3), np.float32)
    return np.concatenate([standing, entries[order]]).astype(np.float32)


def kmeans(points: np.ndarray, clusters: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Lloyd's algorithm from k-means++ centres; an empty cluster restarts at the worst-represented point.

    Args:
        points: float64 [N, D], N >= clusters.
        clusters: K.
        rng: Chooses the first centres.

    Returns:
        Centres [K, D] and the cluster of each point, int64 [N].
    """
    centres = _spread_centres(points, clusters, rng)
    assigned = np.full(len(points), -1)
    for _ in range(MAX_ITERATIONS):
        distance = squared_distances(points, centres)
        nearest = distance.argmin(1)
        if (nearest == assigned).all():
            break
        assigned = nearest
        counts = np.bincount(assigned, minlength=clusters)
        sums = np.zeros_like(centres)
        np.add.at(sums, assigned, points)
        centres = sums / np.maximum(counts, 1)[:, None]
        own = distance[np.arange(len(points)), assigned]
        empty = np.flatnonzero(counts == 0)
        centres[empty] = points[np.argsort(-own, kind="stable")[: len(empty)]]
    return centres, assigned


def _spread_centres(points: np.ndarray, clusters: int, rng: np.random.Generator) -> np.ndarray:
    """k-means++ (Arthur and Vassilvitskii 2007): each next centre is drawn in proportion to its squared distance."""
    chosen = [int(rng.integers(len(points)))]
    distance = np.square(points - points[chosen[0]]).sum(1)
    for _ in range(clusters - 1):
        cumulated = np.cumsum(distance)
        index = int(np.searchsorted(cumulated, rng.random() * cumulated[-1], side="right"))
        chosen.append(min(index, len(points) - 1))
        distance = np.minimum(distance, np.square(points - points[chosen[-1]]).sum(1))
    return points[chosen].copy()


def squared_distances(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """[N, K] squared Euclidean distances of points [N, D] and centres [K, D]."""
    product = points @ centres.T
    return np.maximum(np.square(points).sum(1)[:, None] - 2.0 * product + np.square(centres).sum(1)[None], 0.0)


def vocabulary_sha256(trajectories: torch.Tensor) -> str:
    """Hash of a vocabulary [G, T, 3]: SHA-256 of its row-major little-endian float32 values, hexadecimal."""
    return hashlib.sha256(trajectories.detach().cpu().numpy().astype("<f4").tobytes()).hexdigest()
