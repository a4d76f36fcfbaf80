"""The folder of a finished run, made by hand."""

from dataclasses import asdict, replace

from craft.evaluation import aggregate
from craft.evaluation.records import write_records
from craft.evaluation.storage import scores_to_dict
from craft.events import EpisodeRecord, EventKind
from craft.files import write_atomically
from craft.training.learner import LearnerConfig
from craft.training.run_folder import RunFolder

HIT, RED = EventKind.COLLISION_VEHICLE, EventKind.RED_LIGHT
METRICS = [
    {"round": 1, "expected_advantage": 0.5, "reverse_kl": 0.01, "grounded_return": -0.25},
    {"round": 2, "expected_advantage": 1.0, "reverse_kl": 0.03, "grounded_return": -0.05},
]


def episode(number, driving_score, scenario, infractions=(), events=None):
    """A record; it is a success with a driving score of 100."""
    return EpisodeRecord(
        episode=number,
        status="Completed",
        route_completion=100.0,
        infraction_score=driving_score / 100.0,
        driving_score=driving_score,
        success=driving_score == 100.0,
        driven_m=250.0,
        duration_s=20.0,
        truncated=False,
        infractions=infractions,
        events=infractions if events is None else events,
        scenario=scenario,
        route_id=f"held_out-{scenario}-{number}",
        seed=100 + number,
    )


def before():
    """Four episodes: scores 60, 100, 70, 30."""
    return [
        episode(1, 60.0, "ParkedObstacle", (HIT,)),
        episode(2, 100.0, "HighwayCutIn"),
        episode(3, 70.0, "DynamicObjectCrossing", (RED,), (RED, EventKind.OFF_ROAD)),
        episode(4, 30.0, "DynamicObjectCrossing", (HIT, HIT)),
    ]


def after(gains=(40.0, 0.0, 30.0, -10.0)):
    """The same episodes with these gains; those that reach 100 have no infraction any more."""
    records = []
    for record, gain in zip(before(), gains, strict=True):
        score = record.driving_score + gain
        clean = {"infractions": (), "events": ()} if score == 100.0 else {}
        records.append(
            replace(record, driving_score=score, infraction_score=score / 100.0, success=score == 100.0, **clean)
        )
    return records


def make_run(path, before, after, *, seed=0, world="carla_light", metrics=METRICS, config=None, weights=()):
    """Writes config.yaml, metrics.jsonl, evaluations/, weights/ and summary.json; returns the folder."""
    folder = RunFolder(path)
    folder.write_config({"seed": seed, "learner": asdict(LearnerConfig())} | (config or {}))
    lines = "".join(str(row).replace("'", '"') + "\n" for row in metrics)
    write_atomically(path / "metrics.jsonl", lines.encode())
    for name, records in (("before", before), ("after", after)):
        write_records(path / "evaluations" / f"{name}.jsonl", records)
    for version in weights:
        folder.write_weights(version)
    folder.write_summary(
        {
            "method": "CRAFT",
            "family": "vocabulary",
            "world": world,
            "seed": seed,
            "rounds": len(metrics),
            "transitions": 1024 * len(metrics),
            "real_time_factor": 7.5,
            "weights_sha256": weights[-1].sha256 if weights else "0" * 64,
            "before": scores_to_dict(aggregate(before)),
            "after": scores_to_dict(aggregate(after)),
        }
    )
    return path
