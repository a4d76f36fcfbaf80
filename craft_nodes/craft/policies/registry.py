"""Finding policy families: those of this package, and any installed one under the entry point group."""

from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from craft.policies.checkpoint import read_config
from craft.policies.contract import Policy

ENTRY_POINT_GROUP = "craft.policies"
SHIPPED_CHECKPOINTS = Path(__file__).parent / "checkpoints"  # the pre-trained policies that come with the package
PRETRAINED_VOCABULARY = SHIPPED_CHECKPOINTS / "vocabulary"

# Named here as well, so that they are found in a source tree that was never installed.
_BUILT_IN = (EntryPoint("vocabulary", "craft.policies.vocabulary:VocabularyPolicy", ENTRY_POINT_GROUP),)


def policy_families() -> dict[str, EntryPoint]:
    """Known families by name; nothing is imported yet."""
    return {point.name: point for point in (*_BUILT_IN, *entry_points(group=ENTRY_POINT_GROUP))}


def load_policy(folder: Path | str) -> Policy:
    """Loads a policy from its checkpoint folder (or the name of a shipped one), whatever its family.

    Args:
        folder: The folder, or the bare name of a shipped checkpoint where no folder of that name exists.

    Raises:
        ValueError: The folder is missing or damaged, or its family is unknown or cannot be imported.
    """
    folder = Path(folder)
    if len(folder.parts) == 1 and not folder.exists() and (SHIPPED_CHECKPOINTS / folder).is_dir():
        folder = SHIPPED_CHECKPOINTS / folder
    family = read_config(folder)["family"]
    known = policy_families()
    if family not in known:
        raise ValueError(
            f"the checkpoint {folder} is of family {family!r}; known families: {', '.join(sorted(known))}. Install the "
            f"package that provides it under the entry point group {ENTRY_POINT_GROUP!r}"
        )
    try:
        policy_class = known[family].load()
    except (ImportError, AttributeError) as error:
        raise ValueError(
            f"policy family {family!r} ({known[family].value}) cannot be imported ({error}); "
            "repair or reinstall its package"
        ) from error
    return policy_class.load(folder)
