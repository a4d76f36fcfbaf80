"""`craft collect` over DDS records the very driving that the expert does in one process."""

import numpy as np

from craft.policies.dataset import DatasetWriter
from craft.world.closed_loop import ClosedLoop
from craft.world.collect import CollectConfig, Recorder, disturbance_of
from craft.world.expert import Expert
from craft.world.routes import dump_suite, load_suite
from craft.world.schedule import schedule
from craft.world.simulation import Simulation, WorldConfig
from graph_processes import Process, Server, params_file

CONFIG = CollectConfig(episodes=2, seed=3, disturbed_share=0.5)


def test_the_graph_and_one_process_record_the_same(tmp_path, domain):
    short = [spec for spec in load_suite("training") if spec.scenario == "ParkedObstacle"][-2:]
    suite = tmp_path / "short.json"
    suite.write_text(dump_suite(short))

    server = Server(tmp_path / "server.log", domain)
    try:
        simulation = Simulation(WorldConfig(port=server.port))
        loop, writer = ClosedLoop(simulation), DatasetWriter(tmp_path / "alone")
        expert, kept = Expert(loop.road), 0
        for number, (spec, seed) in enumerate(schedule(load_suite(suite), CONFIG.seed, in_order=True), 1):
            if number > CONFIG.episodes:
                break
            recorder = Recorder(writer, disturbance_of(number, seed, CONFIG))
            if loop.drive(expert, spec, number, seed, recorder).success:
                writer.end_episode()
                kept += 1
            else:
                writer.discard_episode()
        simulation.close()
    finally:
        server.end()

    collector = {"episodes": CONFIG.episodes, "seed": CONFIG.seed, "disturbed_share": CONFIG.disturbed_share}
    params = params_file(tmp_path / "params.yaml", collector=collector, world={"training_routes": str(suite)})
    arguments = ("collect", "--params-file", params, "--run-dir", tmp_path / "run")
    process = Process("craft_nodes.cli", *arguments, log=tmp_path / "collect.log", domain=domain)
    try:
        assert process.wait(240.0) == 0, process.output
    finally:
        process.end()

    ours, theirs = (sorted(folder.glob("*.npz")) for folder in (tmp_path / "alone", tmp_path / "run/dataset"))
    assert kept >= 1 and [path.name for path in ours] == [path.name for path in theirs] and len(ours) == kept
    for one, other in zip(ours, theirs, strict=True):
        a, b = np.load(one), np.load(other)
        assert sorted(a.files) == sorted(b.files)
        for name in a.files:
            # Messages carry whole nanoseconds and lengths in single precision; what was seen and done is the same bits.
            exact = name not in ("stamp_s", "route_remaining_m")
            same = np.array_equal(a[name], b[name]) if exact else np.allclose(a[name], b[name], rtol=1e-6, atol=1e-8)
            assert same, (one.name, name)
