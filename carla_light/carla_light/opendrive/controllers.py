"""Which traffic lights are green together: the controllers of each junction, in their order (carla.Map hides them)."""

from dataclasses import dataclass
from xml.etree import ElementTree


@dataclass(frozen=True)
class Phase:
    """Where a signal stands in the cycle of its junction: phases come in the order of `rank`."""

    junction: str
    rank: tuple[int, str]


def signal_phases(root: ElementTree.Element) -> dict[str, Phase]:
    """The phase of every signal id that a junction's controller names."""
    signals_of = {
        controller.get("id", ""): [control.get("signalId", "") for control in controller.findall("control")]
        for controller in root.findall("controller")
    }
    phases = {}
    for junction in root.findall("junction"):
        for position, controller in enumerate(junction.findall("controller")):
            name = controller.get("id", "")
            sequence = controller.get("sequence", "")
            rank = (int(sequence) if sequence.isdigit() else position, name)
            for signal in signals_of.get(name, ()):
                phases[signal] = Phase(junction.get("id", ""), rank)
    return phases
